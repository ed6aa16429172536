package readinesstest

// Family is a kind of clusters.
type Family struct {
	Name                  string
	namespaces, workloads int               // workloads in each namespace
	egress                float64           // mean egress edges of a workload
	mix                   [numKinds]float64 // weights of kinds
	median, sigma         float64           // of Poisson rates: median hours between, spread (natural log)
	slowest               float64           // hours between, at most
	burst                 float64           // mean hours that an occurrence lasts (geometric), at least 1
	tilt                  float64           // spread of how rare-prone namespaces are
	rollout               float64           // median days between rollouts of a workload; 0: never
	rolloutNew            float64           // probability that a rollout brings an edge
	newWorkload           float64           // new workloads per namespace and day
	incidents             float64           // days between incidents of a namespace
	storms                float64           // days between events of the whole cluster
	loss                  float64           // share of records lost
	outages               float64           // of the collector a day, hours long
	declared              float64           // share of scheduled work that is a CronJob of its own, known from manifests
}

// Named returns the family of a name.
func Named(name string) Family {
	for _, f := range Families() {
		if f.Name == name {
			return f
		}
	}
	panic("no family " + name)
}

// Families are all of them. Their kinds, shares and rates are guesses of what clusters are like.
func Families() []Family {
	only := func(w ...float64) (m [numKinds]float64) { copy(m[:], w); return m }
	base := Family{
		namespaces: 6,
		workloads:  12,
		egress:     5,
		median:     4,
		sigma:      2.3,
		slowest:    30 * 24,
		burst:      1,
		declared:   0.6,
		tilt:       0.7,
		mix:        only(0.50, 0.22, 0.10, 0.02, 0.05, 0.035, 0.015, 0.03, 0.02, 0.01),
	}
	mixed := base
	mixed.burst, mixed.incidents, mixed.rollout, mixed.rolloutNew, mixed.newWorkload = 2, 15, 14, 0.1, 1.0/60
	mixed.loss, mixed.outages = 0.02, 0.05
	family := func(name string, f Family, change func(*Family)) Family {
		f.Name = name
		change(&f)
		return f
	}
	return []Family{
		// Edges that always talk, and nothing else.
		family("quiet", base, func(f *Family) { f.mix = only(1) }),
		// Rates from one a minute to one in 30 days that never change.
		family("stationary", base, func(f *Family) { f.mix, f.tilt = only(0.6, 0.4), 0 }),
		// The same to one a year.
		family("heavytail", base, func(f *Family) {
			f.mix, f.tilt, f.median, f.sigma, f.slowest = only(0.6, 0.4), 0, 24, 3, 365*24
		}),
		// Business hours, daily, weekly and monthly jobs.
		family("calendar", base, func(f *Family) { f.mix = only(0.5, 0, 0.25, 0.03, 0.10, 0.08, 0.04) }),
		// Occurrences that last hours, incidents that wake groups of edges, failovers.
		family("bursty", base, func(f *Family) {
			f.mix, f.burst, f.incidents = only(0.5, 0.3, 0, 0, 0, 0, 0, 0.1, 0.1), 3, 12
		}),
		// A rollout of each workload every 4 days, and new workloads.
		family("churn", base, func(f *Family) { f.rollout, f.rolloutNew, f.newWorkload = 4, 0.12, 1.0/20 }),
		// All of it, with 30 % of the records lost and an outage every 2 days.
		family("lossy", mixed, func(f *Family) { f.loss, f.outages = 0.3, 0.5 }),
		// All of it.
		family("mixed", mixed, func(*Family) {}),
		// All of it, and no manifest is known.
		family("undeclared", mixed, func(f *Family) { f.declared = 0 }),
		// All of it, with a third of the rare and few rollouts.
		family("calm", mixed, func(f *Family) {
			f.mix = only(0.62, 0.20, 0.10, 0.02, 0.03, 0.012, 0.005, 0.007, 0.005, 0.003)
			f.rollout, f.newWorkload = 30, 1.0/90
		}),
		// Edges whose gaps spread over decades: long silence says little of the next.
		family("uneven", base, func(f *Family) { f.mix, f.median = only(0.55, 0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0.35), 12 }),
		// Days of work, then up to weeks of none.
		family("onoff", base, func(f *Family) { f.mix = only(0.55, 0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.35) }),
		// A weekday of its own in some of the weeks, beside business hours.
		family("seasonal", base, func(f *Family) { f.mix = only(0.55, 0.05, 0.2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.2) }),
		// What happens once: each is new, and none comes again.
		family("oneoff", base, func(f *Family) { f.mix = only(0.6, 0.2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.2) }),
		// Much that runs by the month, little of it declared.
		family("monthly", base, func(f *Family) { f.mix, f.declared = only(0.6, 0.2, 0.1, 0, 0, 0, 0.1), 0.3 }),
		// Rates that grow or fall tenfold in a month.
		family("drift", base, func(f *Family) {
			f.mix, f.median = only(0.6, 0.15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.25), 24
		}),
		// Events of the whole cluster that wake half of what waits for them.
		family("storm", base, func(f *Family) {
			f.mix, f.burst, f.storms = only(0.6, 0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.15), 3, 15
		}),
		// Silent for days to months, then days of work, and silent again.
		family("dormant", base, func(f *Family) {
			f.mix = only(0.6, 0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.15)
		}),
		// All of it in one namespace of 8 workloads: nothing to borrow from.
		family("small", mixed, func(f *Family) { f.namespaces, f.workloads = 1, 8 }),
	}
}
