package registry_test

import (
	"testing"

	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) registry.Store { return &registry.Memory{} })
}
