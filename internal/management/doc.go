// Package management is what every server tells of itself: health, methods,
// counters, schemas. It stands on reactor; registry and service serve it beside
// their own. It follows Majordomo's MMI (RFC 8), as a typed service.
package management
