package native_test

import (
	"fmt"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// A client opens a session. A broker does this with the messages of its socket.
func Example() {
	d, err := desk.New("run1", desk.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := native.New(native.WithName("broker-1")).Open(d, desk.Peer{ID: "client"})
	hello := messaging.Command{Kind: &mitterev1.Hello{Instance: []byte("0123456789abcdef"), Role: mitterev1.Role_ROLE_CLIENT}}
	frames, err := hello.Frames()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, answers, err := client.Read(0, frames)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := command.Decode(answers[0])
	fmt.Println(answer.Kind.(*mitterev1.Welcome).GetInstance(), err)
	// Output: broker-1 <nil>
}
