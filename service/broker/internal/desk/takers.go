package desk

import (
	"maps"
	"slices"
)

// takers says which services take a message type: by type and service, how many
// workers say so.
type takers map[string]map[string]int

// add notes that another worker of a service takes these types.
func (t takers) add(types []string, service string) {
	for _, name := range types {
		if t[name] == nil {
			t[name] = map[string]int{}
		}
		t[name][service]++
	}
}

// remove undoes add.
func (t takers) remove(types []string, service string) {
	for _, name := range types {
		services := t[name]
		if services[service]--; services[service] == 0 {
			delete(services, service)
		}
		if len(services) == 0 {
			delete(t, name)
		}
	}
}

// Takers returns the services that take a message of a type, by its full name, in a
// request that names no service: those with a worker whose [Offer] lists it. They are
// ordered.
func (d *Desk) Takers(name string) []string { return slices.Sorted(maps.Keys(d.types[name])) }
