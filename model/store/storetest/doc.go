// Package storetest tests places for a store's files: what store.Files promises, and that a store in them survives the
// failure of every single operation, killed writers, and the loss or damage of every single file.
//
// # A new backend in ten steps
//
//  1. Make a package of its own below model/store, so that only who wants the backend pays for its client.
//  2. Write a type with the methods of store.Files and a function that opens it. Leave the rest of the store alone.
//  3. Put: write aside and give the name last, or use what the service has to put a file only if there is none. Return
//     nil when the content would survive a loss of power; return an error that is fs.ErrExist for a name that is taken.
//  4. Get and Modified: return an error that is fs.ErrNotExist where there is no file.
//  5. List: everything below a directory, sorted, without what is unfinished, and nothing for a directory not there.
//  6. Remove: what is not there is no error. Do not return before it is certain.
//  7. Lock: one holder at a time over all processes, freed when the holder dies. Say whether the last holder was
//     killed, or always that it was: that costs a list of the store for each commit.
//  8. Tidy: remove what an interrupted Put leaves.
//  9. Test it: a function of a few lines that calls Files, Store and Faults with a new place each time.
//  10. Name it where --store is read, and say in DESIGN.md what its Put and Lock rest on.
package storetest
