package policy

import "sluice/model"

// ByDirection has a value for each direction.
type ByDirection[T any] struct{ Ingress, Egress T }

// At returns the value of a direction, which is Ingress or Egress.
func (b *ByDirection[T]) At(d model.Direction) *T {
	if d == model.Ingress {
		return &b.Ingress
	}
	return &b.Egress
}

// Directions are those that ByDirection has a value for.
func Directions() [2]model.Direction { return [2]model.Direction{model.Ingress, model.Egress} }
