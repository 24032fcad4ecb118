package main

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// service is a service with all names that its stubs have.
type service struct {
	goName      string
	fullName    string
	protoName   string
	comment     protogen.Comments
	deprecation string
	methods     []*method

	// Of the package.
	handlerType, unimplementedType, register string
	clientType, newClient                    string
	nameConstant                             string

	// descriptor is an expression: the service's descriptor.
	descriptor string
	// locals returns the name of a parameter or variable. What it is made of must
	// not be hidden by one: a message package may be called "req".
	locals func(string) string
}

// method is a method with all names that its stubs have.
type method struct {
	goName      string
	fullName    string // such as calc.v1.CalculatorService/Add
	protoName   string
	comment     protogen.Comments
	deprecation string
	streaming   bool

	constant    string
	field       string // of the client
	req, answer string // types, such as *calcv1.AddRequest
}

// newService names everything in the stubs of s but its constants.
func newService(g *printer, f *protogen.File, s *protogen.Service, names scope) *service {
	named := &service{
		goName:      s.GoName,
		fullName:    string(s.Desc.FullName()),
		protoName:   string(s.Desc.Name()),
		comment:     s.Comments.Leading,
		deprecation: deprecated(f, s, nil),

		handlerType:       names.claim(s.GoName + "Handler"),
		unimplementedType: names.claim("Unimplemented" + s.GoName + "Handler"),
		register:          names.claim("Register" + s.GoName),
		clientType:        names.claim(s.GoName + "Client"),
		newClient:         names.claim("New" + s.GoName + "Client"),
	}
	hidden := scope{}
	own := scope{}
	for _, m := range s.Methods {
		next := newMethod(g, f, m, own)
		named.methods = append(named.methods, next)
		hidden.add(packageIn(next.req), packageIn(next.answer))
	}
	if len(s.Methods) > 0 {
		named.descriptor = g.of(f, f.GoDescriptorIdent) + `.Services().ByName("` + named.protoName + `")`
		hidden.add(packageIn(named.descriptor))
	}
	named.locals = hidden.free
	return named
}

// newMethod names everything in the stubs of m but its constant. own is the scope
// of the service's methods: get_x and GetX have the same name in Go.
func newMethod(g *printer, f *protogen.File, m *protogen.Method, own scope) *method {
	goName := own.claim(m.GoName)
	return &method{
		goName:      goName,
		fullName:    string(m.Parent.Desc.FullName()) + "/" + string(m.Desc.Name()),
		protoName:   string(m.Desc.Name()),
		comment:     m.Comments.Leading,
		deprecation: deprecated(f, m.Parent, m),
		streaming:   m.Desc.IsStreamingServer(),

		// Go names begin with a capital, so no two fields are the same, and the
		// word behind keeps them off keywords and off the field for the caller.
		field:  strings.ToLower(goName[:1]) + goName[1:] + "Method",
		req:    "*" + g.message(m.Input),
		answer: "*" + g.message(m.Output),
	}
}

// claimConstants names the constants.
func (s *service) claimConstants(names scope) {
	s.nameConstant = names.claim(s.goName + "Name")
	for _, m := range s.methods {
		m.constant = names.claim(s.goName + m.goName + "Method")
	}
}

// scope is the names that are taken where one name may stand for one thing.
type scope map[string]bool

// add takes names.
func (s scope) add(names ...string) {
	for _, name := range names {
		s[name] = true
	}
}

// free returns the name, or if it is taken the name with underscores behind.
func (s scope) free(name string) string {
	for s[name] {
		name += "_"
	}
	return name
}

// claim takes a name that is free, and returns it.
func (s scope) claim(name string) string {
	name = s.free(name)
	s[name] = true
	return name
}
