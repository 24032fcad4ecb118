package main

import (
	"net/netip"
	"strings"

	"github.com/mittere/mittere/registry"
)

// reach says who can reach endpoints that something serves at.
func reach(endpoints ...string) string {
	for _, endpoint := range endpoints {
		if !local(endpoint) {
			return "other hosts"
		}
	}
	return "this host only; see --bind"
}

// local reports whether only this host reaches an endpoint.
func local(endpoint string) bool {
	address, tcp := strings.CutPrefix(endpoint, "tcp://")
	at, err := netip.ParseAddrPort(address)
	return !tcp || err == nil && at.Addr().IsLoopback()
}

// eventsBeside returns where a registry that serves at bind asks services to register
// again: at the usual port of the same interface.
func eventsBeside(bind string) string {
	port := registry.DefaultEvents[strings.LastIndexByte(registry.DefaultEvents, ':'):]
	for endpoint := range strings.SplitSeq(bind, ",") {
		if colon := strings.LastIndexByte(endpoint, ':'); strings.HasPrefix(endpoint, "tcp://") && colon > len("tcp://") {
			return endpoint[:colon] + port
		}
	}
	return registry.DefaultEvents
}
