package service

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry/store"
)

// nameFor returns the name that a server gets.
func nameFor(name string, handlers *reactor.Handlers) (string, error) {
	methods := handlers.Methods()
	switch {
	case name == "" && len(methods) == 0:
		return name, errors.New("no name, and no method to take it from")
	case name == "":
		name = string(methods[0].Parent().FullName())
	}
	if strings.HasPrefix(name, "mmi.") || strings.HasPrefix(name, "mittere.v1.") {
		return name, fmt.Errorf("the name %q is reserved for management", name)
	}
	if strings.Contains(name, "/") {
		return name, fmt.Errorf("the name %.80q has a slash, which is what stands between a name and a method", name)
	}
	return name, checkName("name", name)
}

// checkName returns what is wrong with a name or an id, which no registry and no broker
// would take then.
func checkName(what, name string) error {
	if len(name) > store.MaxNameBytes || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%s %.80q: want 1 to %d bytes of UTF-8 without control characters", what, name, store.MaxNameBytes)
	}
	return nil
}
