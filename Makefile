.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0
GO ?= go
BIN := bin

.PHONY: help build demo test test-race lint fmt fuzz bench corpus update cover clean conformance

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

build: ## build bin/sluice and bin/flowgen
	@mkdir -p $(BIN)
	$(GO) build -trimpath -o $(BIN)/sluice ./cmd/sluice
	$(GO) build -trimpath -o $(BIN)/flowgen ./cmd/flowgen

demo: build ## learn policies from the capture that ships in testdata
	@rm -rf demo-bundle
	$(BIN)/sluice learn testdata/flows/online-boutique.jsonl.gz -n default --out demo-bundle
	@echo
	@echo "The policies:  ls demo-bundle/allow/default"
	@echo "The review:    demo-bundle/REVIEW.md"

test: ## run the tests; needs Go alone
	$(GO) test ./...

test-race: ## run the tests under the race detector; needs a C compiler
	CGO_ENABLED=1 $(GO) test -race ./...

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	cd .ci/tools && $(GO) build -o ../../$(BIN)/staticcheck honnef.co/go/tools/cmd/staticcheck
	$(BIN)/staticcheck ./...

fmt: ## format the sources
	gofmt -w $$(git ls-files '*.go')

FUZZTIME ?= 10s
fuzz: ## run every fuzz target for FUZZTIME
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
	  done; done

corpus: ## compare with the hand-made tables of real captures; SLUICE_CORPUS names their folder
	@test -n "$$SLUICE_CORPUS" || { echo "set SLUICE_CORPUS to the folder with the captures"; exit 1; }
	$(GO) test -count=1 -run Corpus ./...

bench: build ## measure against DuckDB and encoding/json; needs a C++ compiler and 4 GB of disk
	$(MAKE) -C cmd/conformance/bench bench

conformance: build ## build the real components and let them judge
	@mkdir -p $(BIN)
	cd cmd/conformance/duckdb && CGO_ENABLED=1 $(GO) build -trimpath -o ../../../$(BIN)/duckdb .
	SLUICE_DUCKDB=$(CURDIR)/$(BIN)/duckdb $(GO) test -count=1 -run DuckDB ./model/store
	$(MAKE) -C cmd/conformance/bench test

update: ## rewrite the expectations of scripts and goldens, then test
	SLUICE_UPDATE=1 $(GO) test ./cmd/... ./synth/... && $(GO) test ./...

cover: ## coverage by function
	$(GO) test -coverprofile=cover.out ./... && $(GO) tool cover -func=cover.out

clean: ## remove what was built
	rm -rf $(BIN) demo-bundle cover.out
