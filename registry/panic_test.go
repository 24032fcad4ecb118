package registry_test

import (
	"context"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/registry"
)

// panicking is a store that is broken.
type panicking struct{ store.Memory }

func (*panicking) Put(context.Context, ...*mitterev1.Entry) error { panic("the disk is on fire") }

func TestRegistryWhoseStorePanicsGoesOnAndStops(t *testing.T) {
	c, s := pair(t, tcp, registry.WithStore(new(panicking)))
	register(t, c, instance("calc", "1"), long)
	register(t, c, instance("calc", "2"), long)
	wantList(t, c, "calc/1 calc/2")
	s.stop(t)
}
