package mdp_test

import (
	"fmt"
	"strings"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
)

// A worker registers, and a client asks whether it did. A broker does this with what
// comes by its socket.
func Example() {
	d, err := desk.New("run1", desk.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	v1, v2 := mdp.V1(), mdp.V2(mdp.WithHeartbeat(mdp.DefaultHeartbeat, 5))

	worker := v2.Open(d, desk.Peer{ID: "worker"})
	if _, _, err = worker.Read(0, dialecttest.Frames("MDPW02|\x01|echo")); err != nil {
		fmt.Println(err)
	}
	client := v1.Open(d, desk.Peer{ID: "client"})
	_, answers, err := client.Read(0, dialecttest.Frames("|MDPC01|mmi.service|echo"))
	fmt.Printf("%q %v\n", answers, err)

	actions, _, err := client.Read(0, dialecttest.Frames("|MDPC01|echo|hi"))
	for _, a := range actions {
		fmt.Println(strings.ReplaceAll(fmt.Sprintf("%q", worker.Write(a)), `"\x02"`, "02"), err)
	}
	// Output:
	// [["" "MDPC01" "mmi.service" "200"]] <nil>
	// ["MDPW02" 02 "run1-1" "" "hi"] <nil>
}
