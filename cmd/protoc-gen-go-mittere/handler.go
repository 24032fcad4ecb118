package main

import "fmt"

// handler makes the serving end of a service: the interface, what registers it,
// and the methods for a handler that has none of its own.
func (g *printer) handler(s *service) {
	g.handlerInterface(s)
	g.registration(s)
	g.unimplemented(s)
}

func (g *printer) handlerInterface(s *service) {
	g.doc(s.handlerType+" serves "+s.fullName+"; "+s.register+" enters it into the handlers of a reactor or a server.",
		s.comment,
		"Its methods are called by as many goroutines at once as the reactor or the server is set to use. "+
			"The context has the caller's deadline, and ends when the caller cancels or goes away. "+
			"A request belongs to the method that gets it; an answer is the server's once it is returned. "+
			"An error travels with its code if it is a *messaging.Error.",
		streamingContract(s),
		s.deprecation)
	g.P("type ", s.handlerType, " interface {")
	for _, m := range s.methods {
		g.doc(fallback(m, "serves"), m.comment, m.deprecation)
		g.P(g.handlerSignature(s, m))
	}
	g.P("}")
	g.P()
}

// streamingContract says what holds for methods that send a stream, if there are
// any.
func streamingContract(s *service) string {
	for _, m := range s.methods {
		if m.streaming {
			return "A method with send answers with each message that it gives to send, " +
				"and the stream ends when it returns. send waits while the caller has no room. " +
				"An error of send means that the caller is gone or that the context has ended; the method should return it. " +
				"The message is the method's again after send."
		}
	}
	return ""
}

// fallback is the comment of a method whose schema has none.
func fallback(m *method, verb string) string {
	if len(linesOf(m.comment)) > 0 {
		return ""
	}
	return m.goName + " " + verb + " " + m.fullName + "."
}

// handlerSignature returns a method as it stands in the interface.
func (g *printer) handlerSignature(s *service, m *method) string {
	context := g.ident(contextPackage, "Context")
	ctx, req, send := s.locals("ctx"), s.locals("req"), s.locals("send")
	if m.streaming {
		return fmt.Sprintf("%s(%s %s, %s %s, %s func(%s) error) error", m.goName, ctx, context, req, m.req, send, m.answer)
	}
	return fmt.Sprintf("%s(%s %s, %s %s) (%s, error)", m.goName, ctx, context, req, m.req, m.answer)
}

func (g *printer) registration(s *service) {
	h, impl, methods := s.locals("h"), s.locals("service"), s.locals("methods")
	g.doc(s.register+" enters the methods of a service, which must not be nil, into handlers. "+
		"A method that is there already is an error that the constructor of the reactor or the server returns. "+
		"Handlers are not safe for concurrent use.", s.deprecation)
	g.P("func ", s.register, "(", h, " *", g.ident(reactorPackage, "Handlers"), ", ", impl, " ", s.handlerType, ") {")
	if len(s.methods) > 0 {
		g.P(methods, " := ", s.descriptor, ".Methods()")
	}
	for _, m := range s.methods {
		enter := "HandleMethod"
		if m.streaming {
			enter = "StreamMethod"
		}
		g.P(g.ident(reactorPackage, enter), "(", h, ", ", methods, `.ByName("`, m.protoName, `"), `, impl, ".", m.goName, ")")
	}
	g.P("}")
	g.P()
}

func (g *printer) unimplemented(s *service) {
	g.doc(s.unimplementedType+" is a "+s.handlerType+" whose methods return errors with the code UNIMPLEMENTED. "+
		"A type that embeds it still compiles when the service gets another method. "+
		"It has no state, and may be used by any number of goroutines at once.", s.deprecation)
	g.P("type ", s.unimplementedType, " struct{}")
	g.P()
	for _, m := range s.methods {
		result := ""
		if !m.streaming {
			result = "nil, "
		}
		g.doc(m.goName+" returns an error with the code UNIMPLEMENTED.", m.deprecation)
		g.P("func (", s.unimplementedType, ") ", g.handlerSignature(s, m), " {")
		g.P("return ", result, g.ident(messagingPackage, "Errorf"), "(", g.ident(messagingPackage, "Unimplemented"),
			`, "%s is not implemented", `, m.constant, ")")
		g.P("}")
		g.P()
	}
}
