package hubble

// object is an endpoint object as read without encoding/json. Its texts are parts of one copy.
type object struct {
	end
	text          string // what follows the identity
	podAt, podEnd int    // the key pod_name and the end of its value, podAt -1 without
	stop          int    // after the object
	other         bool   // has a list of workloads of another form: end lacks it
}

// read reads what follows the identity at b[i:]. Keys it does not know, and any key twice, are left to encoding/json,
// which has rules of its own for them.
func (o *object) read(b []byte, i int) bool {
	stop := members(b, i)
	if stop < 0 {
		return false
	}
	o.text = string(b[i:stop])
	from, seen := i, 0
	for at(b, i) == ',' {
		at0, bit := i, 0
		switch {
		case has(b, i, `,"cluster_name":"`):
			bit, i = 1, o.field(b, from, i+17, &o.Cluster)
		case has(b, i, `,"namespace":"`):
			bit, i = 2, o.field(b, from, i+14, &o.Namespace)
		case has(b, i, `,"labels":[`):
			bit, i = 4, o.labels(b, from, i+11)
		case has(b, i, podKey):
			bit, i = 8, o.field(b, from, i+len(podKey), &o.Pod)
			o.podAt, o.podEnd = at0, i
		case has(b, i, `,"workloads":[`):
			bit, i = 16, o.workloads(b, from, i+13)
		default:
			return false
		}
		if i < 0 || seen&bit != 0 {
			return false
		}
		seen |= bit
	}
	o.stop = i + 1
	return at(b, i) == '}'
}

// members passes over the rest of an object, after one of its members.
func members(b []byte, i int) int {
	switch at(b, i) {
	case '}':
		return i + 1
	case ',':
		return skipObject(b, i+1, 1)
	}
	return -1
}

// field reads the rest of a string; the copy begins at b[from].
func (o *object) field(b []byte, from, i int, to *string) int {
	end := textEnd(b, i)
	if end > 0 {
		*to = o.text[i-from : end-1-from]
	}
	return end
}

// labels reads the rest of a list of strings.
func (o *object) labels(b []byte, from, i int) int {
	end := strs(b, i)
	for end > 0 && i < end-1 {
		n := textEnd(b, i+1)
		o.Labels = append(o.Labels, o.text[i+1-from:n-1-from])
		i = n + 1
	}
	return end
}

// workloads reads a list of one item, {"name":"_","kind":"_"}.
func (o *object) workloads(b []byte, from, i int) int {
	end := skip(b, i, 0)
	if end < 0 || at(b, i+1) == ']' {
		return end
	}
	var w struct{ Name, Kind string }
	if !has(b, i, `[{"name":"`) {
		o.other = true
		return end
	}
	n := o.field(b, from, i+10, &w.Name)
	if !has(b, n, `,"kind":"`) {
		o.other = true
		return end
	}
	if n = o.field(b, from, n+9, &w.Kind); !has(b, n, "}]") {
		o.other = true
		return end
	}
	o.Workloads = append(o.Workloads, w)
	return end
}
