package main

import (
	"errors"
	"strings"
)

// pirate is a pair of sockets that "mittere broker" has for pirates.
type pirate struct {
	front, back, service string
}

// pirates is a flag that names such a pair, and may be given several times.
type pirates []pirate

// Set adds a pair.
func (p *pirates) Set(text string) error {
	var one pirate
	fields := map[string]*string{"front": &one.front, "back": &one.back, "service": &one.service}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		field := fields[key]
		if field == nil || *field != "" || value == "" {
			return errors.New("want front=ENDPOINT,back=ENDPOINT,service=NAME")
		}
		*field = value
	}
	if one.front == "" || one.back == "" || one.service == "" {
		return errors.New("want front=ENDPOINT,back=ENDPOINT,service=NAME")
	}
	*p = append(*p, one)
	return nil
}

// String returns nothing, since that is the default.
func (p *pirates) String() string { return "" }

// Type returns what help calls the value.
func (p *pirates) Type() string { return "front=,back=,service=" }
