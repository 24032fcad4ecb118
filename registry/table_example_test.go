package registry_test

import (
	"fmt"
	"log"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry"
)

// An instance is there for as long as its lease, and a watcher hears what it
// missed. The time is whatever the caller says it is.
func ExampleTable() {
	table, err := registry.NewTable([]byte("this run"), registry.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Unix(1e9, 0)
	calculator := &mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://127.0.0.1:5555"}}
	lease, _, err := table.Register(now, calculator, 0, registry.Owner{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("lease:", lease)

	now = now.Add(lease)
	_, err = table.Resolve(now, "calc")
	fmt.Println(err)
	table.Expire(now)
	for _, told := range table.Since(now, table.Epoch(), 0, "") {
		fmt.Println(told.GetRevision(), told.GetChange().GetKind())
	}
	// Output:
	// lease: 5s
	// NOT_FOUND: no instance of "calc"
	// 1 KIND_PUT
	// 2 KIND_EXPIRED
}
