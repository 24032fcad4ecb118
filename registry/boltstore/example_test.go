package boltstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/boltstore"
)

// What was put is there when the file is opened again.
func ExampleOpen() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "registry")
	check(err)
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "registry.db")

	store, err := boltstore.Open(ctx, path)
	check(err)
	check(store.Put(ctx, &mitterev1.Entry{
		Instance:  &mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://127.0.0.1:5555"}},
		LeaseNano: 5e9,
	}))
	check(store.Close())

	store, err = boltstore.Open(ctx, path)
	check(err)
	defer store.Close()
	entries, err := store.Load(ctx)
	check(err)
	for _, entry := range entries {
		fmt.Println(entry.GetInstance().GetName(), entry.GetInstance().GetId())
	}
	// Output: calc 1
}

// check ends the program if there is an error.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
