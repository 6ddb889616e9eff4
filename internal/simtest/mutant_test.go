package simtest

import "restorewatch/internal/watch"

// A mutant is a deliberate fault of the protocol. The zero value has none.
type mutant struct {
	name             string
	versionUnchecked bool
	forgetful        func(*container)
	port             func(*run, ports) ports
	outlet           func(*run, watch.Publisher) watch.Publisher
}

func (m mutant) ports(r *run, p ports) ports {
	if m.port == nil {
		return p
	}
	return m.port(r, p)
}

func (m mutant) publisher(r *run, p watch.Publisher) watch.Publisher {
	if m.outlet == nil {
		return p
	}
	return m.outlet(r, p)
}
