package service

import "github.com/mittere/mittere/registry"

// Source says where a [Client] finds the instances that it calls: a registry, endpoints, or
// brokers. The zero value is none, which [NewClient] refuses.
type Source struct {
	registry  string
	client    *registry.Client
	endpoints []string
	brokers   []string
}

// isSet reports whether it names a place.
func (s Source) isSet() bool {
	return s.registry != "" || s.client != nil || len(s.endpoints) > 0 || len(s.brokers) > 0
}

// FromRegistry has the client ask a registry for instances. While the registry is away the
// client waits for it, or uses what it knew last.
func FromRegistry(endpoint string) Source { return Source{registry: endpoint} }

// FromRegistryClient is [FromRegistry] with a client that several share. It stays the
// caller's.
func FromRegistryClient(client *registry.Client) Source { return Source{client: client} }

// FromEndpoints has the client call instances at known endpoints, without a registry: each
// endpoint is one.
func FromEndpoints(endpoints ...string) Source { return Source{endpoints: endpoints} }

// FromBroker has the client give its calls to a broker, which hands them on to its workers;
// the client does not know these. A broker that is away is waited for, as an instance is;
// calls that it had and that may be executed twice are retried with their key. A server
// that is no broker accepts the calls too, but for those with a target.
//
// Of several endpoints each is a broker of its own, and any of them may get a call, by
// [WithBalance]. Brokers know nothing of each other's workers, so a call fails over: it
// waits for a worker at each of them in turn, for a second at most or for its share of the
// time that it has, until its context, or its [call.WithWait], ends. That is not counted by
// [WithTries], though with one try it waits where it went first. A broker where a call
// waited without success, or which said that it is UNAVAILABLE, is tried last for ten
// seconds, or until it answers a call. Calls with a target go to the workers of one broker,
// and a one-way call waits at one.
func FromBroker(endpoints ...string) Source { return Source{brokers: endpoints} }
