package readiness

import "math"

// The weights of what is borrowed: how many arrivals of its own a workload, a namespace's workloads and a namespace
// have to show before they outweigh what the others show. None is delicate.
const (
	ownWeight       = 4
	sharedWeight    = 8
	namespaceWeight = 8
	// wide is how much wider the number of edges spreads than groups of their mean size, arriving at random, would have
	// it.
	wide = 2
	// least is the shortest age that a forecast divides by, in days.
	least = 1.0 / 24
)

// part is a forecast of a number of arrivals: Poisson, with a mean of x times a gamma variable of this shape and rate.
type part struct{ shape, rate, x float64 }

func (p part) mean() float64 { return p.shape / p.rate * p.x }

// none is the chance that nothing comes.
func (p part) none() float64 { return math.Pow(p.rate/(p.rate+p.x), p.shape) }

// some is the chance that anything comes, exact where it is small.
func (p part) some() float64 { return -math.Expm1(p.shape * math.Log(p.rate/(p.rate+p.x))) }

// forecast has the two parts that nothing connects: edges that exist and talk seldom, and changes.
type forecast struct{ slow, changes part }

func (f forecast) any() float64 { return 1 - f.slow.none()*f.changes.none() }

// interval is the central interval that holds the number of both parts together with the chance level. Of their
// distributions only what lies below its end is computed.
func (f forecast) interval(level float64) (low, high int) {
	m := f.slow.mean() + f.changes.mean()
	n := int(math.Min(4*m, 1e9)) + 60
	step := 1 + n/bins
	slow, changes := newDistribution(f.slow, n, step), newDistribution(f.changes, n, step)
	tail, sum := (1-level)/2, 0.0
	low = -1
	for k := range n/step + 1 {
		slow.next()
		changes.next()
		sum += sumChance(slow.chance, changes.chance)
		if low < 0 && sum > tail {
			low = k * step
		}
		if sum >= 1-tail {
			return low, k * step
		}
	}
	return max(low, 0), (n/step + 1) * step
}

// bins is how finely a distribution is divided at most: an interval of thousands of edges is not told to the edge.
const bins = 2000

// distribution are the chances of numbers of arrivals, so many numbers in each bin: negative binomial. In logarithms,
// since the chance of none may be smaller than any number.
type distribution struct {
	part
	n, step int     // the largest number, and how many are in a bin
	q, log  float64 // log is that of the chance of the number before k
	k       int     // the next number
	chance  []float64
}

func newDistribution(p part, n, step int) *distribution {
	q := p.x / (p.rate + p.x)
	return &distribution{part: p, n: n, step: step, q: q, log: p.shape * math.Log1p(-q), chance: make([]float64, 0, 8)}
}

// next adds a bin.
func (d *distribution) next() {
	sum := 0.0
	if d.k == 0 {
		sum, d.k = math.Exp(d.log), 1 // 1 where nothing can come
	}
	end := min((len(d.chance)+1)*d.step, d.n+1)
	for ; d.k < end && d.q > 0; d.k++ {
		d.log += math.Log(d.q * (d.shape + float64(d.k) - 1) / float64(d.k))
		sum += math.Exp(d.log)
	}
	d.chance = append(d.chance, sum)
}

// sumChance is the chance that the sum of two numbers lies in the last bin that both have.
func sumChance(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[len(b)-1-i]
	}
	return sum
}

// spread is how much of the slow edges that are still to come shows within so many days: their rates spread evenly over
// decades, so it is the logarithm of how much longer one watches. Lost events hide some of what shows.
func spread(days, age, loss float64) float64 {
	return math.Log1p(days/math.Max(age, least)) / (1 - loss)
}

// slowArrivals are the slow arrivals that a set of edges stands for: of rates spread evenly over decades a share of
// ln 2 shows in the second half of the time watched, however long that is.
func (c *counts) slowArrivals() float64 { return float64(c.late) / math.Ln2 }

// weight is what a workload and direction counts in the pool: a bigger one surprises more often, but not in proportion.
func (c *counts) weight() float64 { return math.Sqrt(float64(c.edges) / 4) }

// changeDays are the days in which a change could have shown.
func (c *counts) changeDays() float64 { return math.Max(0, c.age-1) }

// rates are what can be borrowed: slow arrivals per unit of weight, changes per unit of weight and day.
type rates struct{ slow, changes float64 }

// totals sum up what rates are made of.
type totals struct {
	late, changes int
	weight, days  float64 // days: weighted
}

func (t *totals) add(c *counts) {
	t.late += c.late
	t.changes += c.changes
	t.weight += c.weight()
	t.days += c.weight() * c.changeDays()
}

// cluster are the rates of all workloads and directions.
func (t *totals) cluster() rates {
	return rates{(float64(t.late)/math.Ln2 + 0.5) / (t.weight + 0.5), (float64(t.changes) + 0.5) / (t.days + 30)}
}

// namespace are the rates of a namespace's workloads, shrunk to those of the cluster.
func (t *totals) namespace(all rates) rates {
	return rates{(float64(t.late)/math.Ln2 + sharedWeight) / (t.weight + sharedWeight/all.slow),
		(float64(t.changes) + sharedWeight) / (t.days + sharedWeight/all.changes)}
}

// side forecasts the arrivals of a workload and direction.
func (c *counts) side(r rates, days, loss float64) forecast {
	v := c.weight()
	return forecast{
		part{ownWeight + c.slowArrivals(), ownWeight/(r.slow*v) + 1, spread(days, c.age, loss)},
		part{ownWeight + float64(c.changes), ownWeight/(r.changes*v) + c.changeDays(), days},
	}
}

// among are the rates of a namespace as a whole, from those of all namespaces.
func among(all []counts) rates {
	var late, changes int
	var days float64
	for i := range all {
		late += all[i].late
		changes += all[i].changes
		days += all[i].changeDays()
	}
	return rates{
		(float64(late)/math.Ln2 + 0.5) / float64(max(1, len(all))),
		(float64(changes) + 0.5) / math.Max(1, days),
	}
}

// whole forecasts the arrivals of a namespace from its own edges, each counted once.
func (c *counts) whole(r rates, days, loss float64) forecast {
	return forecast{
		part{namespaceWeight + c.slowArrivals(), namespaceWeight/r.slow + 1, spread(days, c.age, loss)},
		part{ownWeight + float64(c.changes), ownWeight/r.changes + c.changeDays(), days},
	}
}

// number forecasts how many edges of a namespace come, not arrivals: edges come in groups, and the further beyond what
// was watched, the less the evidence counts. Nothing is borrowed.
func (c *counts) number(days, loss float64) forecast {
	w := wide * (1 + days/math.Max(1, c.age))
	slow, change := c.lateSize*w, c.changeSize*w
	return forecast{
		part{(0.5 + float64(c.lateEdges)/math.Ln2) / slow, 1 / slow, spread(days, c.age, loss)},
		part{(0.5 + float64(c.changeEdges)) / change, math.Max(1, c.age-1) / change, days},
	}
}

// doubled is the chance of a slow edge within a week at twice the rate of the forecast, which is too sure for a whole
// namespace.
func (c *counts) doubled(r rates, loss float64) float64 {
	return 1 - math.Pow(c.whole(r, week, loss).slow.none(), 2)
}
