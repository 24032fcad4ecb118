package main

// client makes the calling end of a service.
func (g *printer) client(s *service) {
	caller := s.locals("caller")
	g.doc(s.clientType+" calls "+s.fullName+".",
		s.comment,
		"Its methods may be called by any number of goroutines at once. A request is read only, and must not change until the call has ended; "+
			"an answer belongs to the caller. Every error is a *messaging.Error, with the code that the service gave or that of what went wrong on the way.",
		s.deprecation)
	g.P("type ", s.clientType, " struct {")
	g.P("caller ", g.ident(callPackage, "Caller"))
	for _, m := range s.methods {
		g.P(m.field, " ", g.ident(callPackage, "Method"))
	}
	g.P("}")
	g.P()
	g.newClient(s, caller)
	for _, m := range s.methods {
		g.clientMethod(s, m)
	}
}

func (g *printer) newClient(s *service, caller string) {
	methods := s.locals("methods")
	g.doc(s.newClient+" returns a client that makes its calls with a caller. It starts nothing, and there is nothing to close: the caller remains its owner's.",
		s.deprecation)
	g.P("func ", s.newClient, "(", caller, " ", g.ident(callPackage, "Caller"), ") *", s.clientType, " {")
	if len(s.methods) > 0 {
		g.P(methods, " := ", s.descriptor, ".Methods()")
	}
	g.P("return &", s.clientType, "{")
	g.P("caller: ", caller, ",")
	for _, m := range s.methods {
		g.P(m.field, ": ", g.ident(callPackage, "MethodOf"), "(", methods, `.ByName("`, m.protoName, `")),`)
	}
	g.P("}")
	g.P("}")
	g.P()
}

// clientMethod makes one method: a call, or a sequence whose every use is a call.
func (g *printer) clientMethod(s *service, m *method) {
	c, ctx, req, options := s.locals("c"), s.locals("ctx"), s.locals("req"), s.locals("options")
	contract, function, result := "", "Unary", "("+m.answer+", error)"
	if m.streaming {
		contract = "Each range over the sequence is a call of its own, and leaving the loop cancels it. An error is the last pair, with a nil message."
		function, result = "Stream", g.ident(iterPackage, "Seq2")+"["+m.answer+", error]"
	}
	g.doc(fallback(m, "calls"), m.comment, contract, m.deprecation)
	g.P("func (", c, " *", s.clientType, ") ", m.goName, "(", ctx, " ", g.ident(contextPackage, "Context"), ", ", req, " ", m.req, ", ",
		options, " ...", g.ident(callPackage, "Option"), ") ", result, " {")
	g.P("return ", g.ident(callPackage, function), "[", m.answer, "](", ctx, ", ", c, ".caller, ", c, ".", m.field, ", ", req, ", ", options, "...)")
	g.P("}")
	g.P()
}
