package desk_test

import (
	"fmt"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// A loop hands events to the desk and does what it says.
func Example() {
	d, err := desk.New("run1", desk.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, worker := desk.Peer{ID: "client"}, desk.Peer{ID: "worker"}
	do := func(actions []desk.Action) {
		for _, a := range actions {
			switch a := a.(type) {
			case desk.Deliver:
				fmt.Printf("to %s: request %s: %s\n", a.To.ID, d.Token(a.Delivery), a.Request.Content.Body[0])
			case desk.Reply:
				fmt.Printf("to %s: reply of %s to call %d: %s\n", a.To.ID, a.Worker, a.Call, a.Answer.Content.Body[0])
			case desk.Heartbeat:
				fmt.Printf("to %s: heartbeat\n", a.To.ID)
			}
		}
	}
	text := func(s string) desk.Content { return desk.Content{Body: [][]byte{[]byte(s)}} }

	do(d.Ready(0, worker, desk.Offer{Name: "echo-1", Services: []string{"echo"}, Heartbeat: time.Second}))
	do(d.Request(0, client, &desk.Request{Call: 7, Service: "echo", Content: text("hi")}))
	do(d.Reply(0, worker, d.Delivery("run1-1"), desk.Answer{Content: text("hi yourself")}))
	at, _ := d.Next()
	do(d.Tick(at))
	// Output:
	// to worker: request run1-1: hi
	// to client: reply of echo-1 to call 7: hi yourself
	// to worker: heartbeat
}
