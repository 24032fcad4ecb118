// Package faulttest breaks processes under load and accounts for what their callers
// were told. Tests of the layers from service up use it; it stands on messaging alone,
// for the codes of errors.
//
// A test starts its own program again as a [Process], in a role that its TestMain gives
// to [Main]; a [Tally] keeps the accounts.
package faulttest
