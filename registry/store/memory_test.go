package store_test

import (
	"testing"

	"github.com/mittere/mittere/registry/store"
	"github.com/mittere/mittere/registry/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return &store.Memory{} })
}
