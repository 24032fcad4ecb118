// Package registry is the name service: it leads from names to live instances.
// It stands on reactor, which serves it; service and the command line ask it.
//
// Its state is a [Table], which is pure: events and the time go in, changes come
// out. A [store.Store] keeps the table beyond the process. Leases follow etcd's
// and Consul's idea: an instance stays as long as it renews its lease, and is
// gone for everyone at the moment the lease ends. It also answers dīvidere's
// registry messages; see [Table.RegisterPlain].
package registry
