package plain_test

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/plain"
)

// A REQ asks, and nobody serves what it asks for. A broker does this with the messages
// of its socket.
func Example() {
	d, err := desk.New("run1", desk.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := plain.New().Open(d, desk.Peer{ID: "client"})
	request, err := messaging.Pack(wrapperspb.String("hi"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, answers, err := client.Read(0, [][]byte{{}, request.Append(nil)})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := messaging.Decode(answers[0][1])
	fmt.Println(answer.Type, err)
	// Output: mittere.v1.Status <nil>
}
