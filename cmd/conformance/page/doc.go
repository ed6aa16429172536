// Package page drives the review page in a real, headless Chromium: it loads, searches, decides by mouse and by keyboard,
// sees what that would lose, undoes, writes and loads again, and measures. `make conformance-page` runs it: SLUICE and
// FLOWGEN name the programs, SLUICE_CHROMIUM the browser where it is not the one on the path. With SLUICE_SHOTS pictures
// are written into that directory. Mermaid, which npm installs as its lock says, draws the diagrams of REVIEW.md.
package page
