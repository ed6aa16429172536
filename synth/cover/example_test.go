package cover_test

import (
	"fmt"

	"sluice/synth/cover"
)

// Peers are rows, ports are columns. Three peers need two ports each, and two rules are enough for all of it.
func ExampleCover() {
	const http, grpc, metrics = 0, 1, 2
	r := cover.Cover([][]int{
		{http, grpc},          // web
		{http, grpc, metrics}, // gateway
		{metrics},             // prometheus
	}, cover.Options{})
	for _, rect := range r.Rects {
		fmt.Println("peers", rect.Rows, "ports", rect.Cols)
	}
	fmt.Println("proven to be the fewest:", len(r.Rects) == r.Bound)
	// Output:
	// peers [0 1] ports [0 1]
	// peers [1 2] ports [2]
	// proven to be the fewest: true
}
