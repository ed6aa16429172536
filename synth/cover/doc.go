// Package cover finds the fewest rectangles for the ones of a matrix: peers by ports that a workload needs become
// rules, and a rule allows each of its peers each of its ports. A rectangle lies within the ones, so that a cover
// allows exactly them. Rectangles may overlap. This is the minimum biclique cover of a bipartite graph, which is
// NP-hard; the matrices of real workloads are small.
//
// Equal rows and columns are collapsed, what hangs not together is solved apart, and each part is solved exactly by
// branch and bound over its maximal rectangles. The lower bound is a fooling set: ones of which no two fit into one
// rectangle need a rectangle each. Where the budget ends the search, the result is the best cover found with the bound
// that is proven. The result depends on the matrix, the former cover and the budget only, never on time.
package cover
