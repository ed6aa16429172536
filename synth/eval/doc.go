// Package eval is the reference evaluator: does a set of policies allow this connection, which rule says so, and which
// fact would be needed to know. It reads policies word for word and shares no code with what writes them. It does no
// I/O, knows no log and no graph, and never guesses: what it cannot know is Unknown.
package eval
