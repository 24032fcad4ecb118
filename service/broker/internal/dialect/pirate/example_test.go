package pirate_test

import (
	"fmt"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect/pirate"
)

// A worker says READY, and has a client's request. A broker does this with the
// messages of a pair of sockets.
func Example() {
	d, err := desk.New("run1", desk.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker := pirate.Back("echo", pirate.DefaultHeartbeat, pirate.DefaultLiveness).Open(d, desk.Peer{Socket: 2, ID: "w"})
	client := pirate.Front("echo").Open(d, desk.Peer{Socket: 1, ID: "c"})

	if _, _, err = worker.Read(0, frames("\x01")); err != nil {
		fmt.Println(err)
	}
	actions, _, err := client.Read(0, frames("|hello"))
	for _, a := range actions {
		fmt.Printf("%q %v\n", worker.Write(a), err)
	}
	actions, _, err = worker.Read(0, frames("run1-1||HELLO"))
	for _, a := range actions {
		fmt.Printf("%q %v\n", client.Write(a), err)
	}
	// Output:
	// ["run1-1" "" "hello"] <nil>
	// ["" "HELLO"] <nil>
}
