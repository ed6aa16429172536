.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0
GO ?= go
BIN := bin

.PHONY: help fleet dist dist-test build page demo test test-race lint fmt fuzz bench faults supply corpus update cover clean lab conformance conformance-calico conformance-cilium conformance-kube conformance-forge conformance-s3 conformance-clickhouse conformance-chdb conformance-page conformance-recipes conformance-helm conformance-prometheus conformance-clusterpolicy

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

# Google's storage is spoken to by HTTP: without the modules for gRPC within its cloud the program is an eighth smaller.
build: ## build bin/sluice and bin/flowgen
	@mkdir -p $(BIN)
	$(GO) build -trimpath -tags disable_grpc_modules -ldflags "-s -w" -o $(BIN)/sluice ./cmd/sluice
	$(GO) build -trimpath -o $(BIN)/flowgen ./cmd/flowgen

# Go embeds what this writes; it needs Node and npm, and changes nothing where the sources did not change.
page: ## build the review page from its sources
	cd cmd/sluice/internal/review/web && npm ci --ignore-scripts --no-fund --no-audit --silent && npm run --silent build

demo: build ## learn policies from the capture that ships in testdata
	@rm -rf demo-bundle
	$(BIN)/sluice learn testdata/flows/online-boutique.jsonl.gz -n default --out demo-bundle --min-watch 20m
	@echo
	@echo "The policies:  ls demo-bundle/allow/default"
	@echo "The review:    demo-bundle/REVIEW.md"

test: ## run the tests; needs Go alone
	$(GO) test ./...

# What only measures a size or a time, runs one command on very much, or draws things at random for one goroutine, shows the detector nothing
# that the others do not; nor do packages that start no goroutine, whose own tests start none (a test in cmd looks).
BIG := ^Test(Cardinality|Sixty|Scale|SlowTunnel|PendingDatagrams|AnyValues|AnyMessages|Linear|DeepAlike|UTF16|ForgedPages|LossesGo|PackAgain|RoundTrip|NumbersAsTheLibrary|LabelsAsTheLibrary)$$
ALONE := cmd/flowgen cmd/sluice/internal/propose ingest/calico ingest/hubble ingest/normalize model/redact synth/cover
# Of the scripts those that write stores, serve or follow: to start the program 700 times is half of what the others take.
TEXTS = $(shell cd testdata/script && grep -LE 'sluice (ingest|review|propose|store)|--follow|--workers' *.txtar | sed 's/.txtar//' | paste -sd'|')
test-race: ## run the tests under the race detector; needs a C compiler
	CGO_ENABLED=1 SLUICE_FAULTS=few $(GO) test -race -skip '$(BIG)|^TestScripts$$/^($(TEXTS))$$' -timeout 40m \
	  $$($(GO) list ./... | grep -vx $(ALONE:%=-e sluice/%))

lint: ## gofmt, go vet, staticcheck, errorlint, exhaustive, revive; the arrows between packages are a test in cmd
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags conformance,corpus ./...
	@mkdir -p $(BIN)
	cd .ci/tools && $(GO) build -o ../../$(BIN)/ tool
	$(BIN)/staticcheck -tags conformance,corpus ./...
	$(BIN)/go-errorlint ./...
	$(BIN)/exhaustive -d $$($(GO) list ./...)
	$(BIN)/revive -config .ci/revive.toml -set_exit_status ./...

fmt: ## format the sources
	gofmt -w $$(git ls-files '*.go')

# A count, not a time: when a time runs out, go test may fail with "context deadline exceeded" though no input did (golang/go#75804).
FUZZ ?= 50000x
fuzz: ## run every fuzz target FUZZ times
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) -fuzzminimizetime 10x $$p; \
	  done; done

faults: ## make every single operation of a store and of a bundle fail, and lose the power at each
	GOGC=400 SLUICE_FAULTS=all $(GO) test -run 'Faults|PowerLoss' -count=1 -timeout 40m ./model/store/... ./synth/bundle

# The database of vulnerabilities is a server: where it cannot be reached, that is said and fails nothing.
supply: build ## licences of all modules, bills of materials, two builds that must be equal, known vulnerabilities
	cd .ci/supply && $(GO) vet ./... && $(GO) build -o ../../$(BIN)/ tool ./pagebill
	for p in sluice flowgen; do \
	  $(BIN)/cyclonedx-gomod bin -json -noserial -notimestamp -output $(BIN)/$$p.cdx.json $(BIN)/$$p || exit 1; done
	$(BIN)/pagebill cmd/sluice/internal/review/web/package-lock.json $(BIN)/sluice.cdx.json
	cd .ci/supply && $(GO) test -count=1 -timeout 40m -v .
	@if timeout 30 curl -sfo /dev/null "$${GOVULNDB:-https://vuln.go.dev}/index/db.json"; then timeout 600 $(BIN)/govulncheck ./...; \
	  else echo "known vulnerabilities: not checked, no database at $${GOVULNDB:-https://vuln.go.dev} (GOVULNDB names another)"; fi

# VERSION names a release (default: git describe), DIST_URL where its archives will be found, TARGETS some systems of all.
dist: ## what people install, in dist/: archives for six systems, an OCI image, bills of materials, krew, Homebrew
	@mkdir -p $(BIN)
	cd .ci/supply && $(GO) build -o ../../$(BIN)/ tool ./pagebill
	cd .ci/dist && $(GO) vet . && $(GO) build -trimpath -o ../../$(BIN)/dist .
	$(BIN)/dist -out dist $(if $(VERSION),-version $(VERSION)) $(if $(DIST_URL),-url $(DIST_URL)) $(if $(TARGETS),-targets $(TARGETS))

dist-test: ## make a release of this machine's system twice: the same bytes; the image starts, krew takes its manifest
	@mkdir -p $(BIN)
	cd .ci/supply && $(GO) build -o ../../$(BIN)/ tool ./pagebill
	cd .ci/dist && $(GO) vet . && $(GO) test -count=1 -timeout 40m .

corpus: ## compare with the hand-made tables of real captures; SLUICE_CORPUS names their folder
	@test -n "$$SLUICE_CORPUS" || { echo "set SLUICE_CORPUS to the folder with the captures"; exit 1; }
	$(GO) test -tags corpus -count=1 -run 'Corpus|NoTunnel|Lessons|NPGuard|Recipes|HumanPolicies|Suspicion|Pending' \
	  ./cmd/flowgen ./cmd/sluice/internal/cli ./ingest/calico ./synth/eval

bench: build lab ## measure against DuckDB, ClickHouse, encoding/json and clients of Hubble; needs a C++ compiler and 6 GB of disk; npm for ClickHouse
	$(GO) test -count=1 -run TestSixty -v ./cmd/sluice/internal/cli
	SLUICE_LONG=1 $(GO) test -count=1 -timeout 60m -run 'TestCardinality|TestScale' -v ./cmd/sluice/internal/cli
	$(GO) test -run '^$$' -bench 'Sixty|Replay' -benchtime 3x ./synth
	$(GO) test -run '^$$' -bench 'Ready|Backtest' -benchtime 3x ./synth/readiness
	$(MAKE) -C cmd/conformance/bench bench

lab: ## build the real Hubble servers and Goldmane, as bin/relay and bin/goldmane
	@mkdir -p $(BIN)
	cd cmd/conformance/relay && $(GO) vet . && $(GO) build -trimpath -o ../../../$(BIN)/relay .
	cd cmd/conformance/goldmane && $(GO) vet . && $(GO) build -trimpath -o ../../../$(BIN)/goldmane .

# A test that asks a judge has the tag conformance. It is none of make test's, and fails here if there is no judge.
JUDGED := $(GO) test -tags conformance -count=1 -timeout 30m
conformance: build lab ## build the real components and let them judge; LONG=1 runs whole what else runs in a short form
	@mkdir -p $(BIN)
	cd cmd/conformance/duckdb && CGO_ENABLED=1 $(GO) build -trimpath -o ../../../$(BIN)/duckdb .
	SLUICE_LONG=1 $(GO) test -count=1 -timeout 40m -run Acceptance ./synth/readiness
	SLUICE_DUCKDB=$(CURDIR)/$(BIN)/duckdb $(JUDGED) -run DuckDB ./model/store
	SLUICE_RELAY=$(CURDIR)/$(BIN)/relay SLUICE_LONG=$(LONG) $(JUDGED) -timeout 60m -run Relay ./cmd/sluice/internal/cli
	cd cmd/conformance/goldmane && $(GO) test -count=1 .
	SLUICE_GOLDMANE=$(CURDIR)/$(BIN)/goldmane $(JUDGED) -run Goldmane ./cmd/sluice/internal/cli
	cd cmd/conformance/podsecurity && $(GO) vet . && $(GO) build -trimpath -o ../../../$(BIN)/podsecurity .
	SLUICE_PODSECURITY=$(CURDIR)/$(BIN)/podsecurity $(JUDGED) -run PodSecurity ./cmd/sluice/internal/cli
	$(MAKE) conformance-cilium
	$(MAKE) conformance-calico
	$(MAKE) conformance-clusterpolicy
	$(MAKE) conformance-kube
	$(MAKE) conformance-forge
	$(MAKE) conformance-s3
	$(MAKE) conformance-clickhouse
	$(MAKE) conformance-chdb
	$(MAKE) conformance-page
	$(MAKE) conformance-recipes
	$(MAKE) conformance-helm
	$(MAKE) conformance-prometheus
	$(MAKE) -C cmd/conformance/bench test

conformance-recipes: ## run the steps of the recipes for CI as a forge does; needs bash, curl, git and jq
	$(JUDGED) -run Recipe ./cmd/sluice/internal/cli

conformance-clickhouse: build lab ## run real ClickHouse servers, shards and replicas, and let them hold stores; needs clickhouse-server, clickhouse-client, zookeeper
	cd cmd/conformance/clickhouse && $(GO) vet . && SLUICE=$(CURDIR)/$(BIN)/sluice FLOWGEN=$(CURDIR)/$(BIN)/flowgen \
	  RELAY=$(CURDIR)/$(BIN)/relay $(GO) test -count=1 -timeout 20m -v .

conformance-chdb: build ## run the current ClickHouse in process on the schema and on the Parquet of stores in a directory and in S3; needs npm, x86-64 and 600 MB of disk
	cd cmd/conformance/s3 && CGO_ENABLED=0 $(GO) build -trimpath -o ../../../$(BIN)/versitygw tool
	cd cmd/conformance/chdb && $(GO) vet . && npm ci --ignore-scripts --no-fund --no-audit --silent && SLUICE=$(CURDIR)/$(BIN)/sluice \
	  SLUICE_S3=$(CURDIR)/$(BIN)/versitygw LIBCHDB=$$PWD/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so CGO_ENABLED=0 $(GO) test -count=1 -v .

fleet: build ## write a fleet of 100 clusters for a month into a directory, a bucket and ClickHouse, and learn from each; an hour, 20 GB of disk
	cd cmd/conformance/clickhouse && SLUICE=$(CURDIR)/$(BIN)/sluice FLOWGEN=$(CURDIR)/$(BIN)/flowgen FLEET=$(or $(FLEET),100) \
	  FLEET_RECORDS=$(or $(FLEET_RECORDS),40000) $(GO) test -count=1 -timeout 3h -v -run TestFleet .

conformance-page: build ## drive the review page in a real Chromium; SLUICE_CHROMIUM names another than the one on the path
	cd cmd/conformance/page && $(GO) vet . && SLUICE=$(CURDIR)/$(BIN)/sluice FLOWGEN=$(CURDIR)/$(BIN)/flowgen \
	  $(GO) test -count=1 -timeout 20m -v .

conformance-clusterpolicy: ## build the engine of kube-network-policies and network-policy-api's conformance tests and let them judge
	@mkdir -p $(BIN)
	cd cmd/conformance/clusterpolicy && $(GO) vet ./... && $(GO) build -trimpath -o ../../../$(BIN)/clusterpolicy .
	cd cmd/conformance/clusterpolicy && $(GO) test -c -trimpath -o ../../../$(BIN)/clusterpolicy-suite ./suite
	SLUICE_CLUSTERPOLICY_ENGINE=$(CURDIR)/$(BIN)/clusterpolicy SLUICE_CLUSTERPOLICY_SUITE=$(CURDIR)/$(BIN)/clusterpolicy-suite \
	  $(JUDGED) -run 'ClusterPolicy(Engine|Suite)' ./synth/eval

conformance-helm: build ## let Helm's engine render the chart of the collector, and compare it with the manifests
	cd cmd/conformance/helm && $(GO) vet . && SLUICE=$(CURDIR)/$(BIN)/sluice $(GO) test -count=1 .

conformance-prometheus: ## let Prometheus' parser read the alerts and the dashboard
	@mkdir -p $(BIN)
	cd cmd/conformance/prometheus && $(GO) vet . && $(GO) build -trimpath -o ../../../$(BIN)/promql .
	SLUICE_PROMQL=$(CURDIR)/$(BIN)/promql $(JUDGED) -run PromQL ./cmd/sluice/internal/show

conformance-s3: build ## build a real S3 server and let it hold stores
	@mkdir -p $(BIN)
	cd cmd/conformance/s3 && CGO_ENABLED=0 $(GO) build -trimpath -o ../../../$(BIN)/versitygw tool
	SLUICE_S3=$(CURDIR)/$(BIN)/versitygw $(JUDGED) -run S3 ./model/store/bucket ./cmd/sluice/internal/cli

GITEA := code.gitea.io/gitea
conformance-forge: ## build a Gitea, start it on loopback, and keep pull requests on it; needs git and a C compiler
	@mkdir -p $(BIN)
	cd cmd/conformance/gitea && CGO_ENABLED=1 $(GO) build -trimpath -ldflags "-s -w" -tags "sqlite sqlite_unlock_notify" \
	  -o ../../../$(BIN)/gitea $(GITEA)
	SLUICE_GITEA=$(CURDIR)/$(BIN)/gitea SLUICE_GITEA_ROOT=$$(cd cmd/conformance/gitea && $(GO) list -m -f '{{.Dir}}' $(GITEA)) \
	  $(JUDGED) -run Gitea ./cmd/sluice/internal/propose

conformance-kube: build lab ## build an API server with etcd and let it and kustomize judge
	$(MAKE) -C cmd/conformance/kube test

conformance-calico: ## build Calico's policy engine and validator and let them judge
	@mkdir -p $(BIN)
	cd cmd/conformance/calico && $(GO) vet . && $(GO) build -trimpath -o ../../../$(BIN)/calico-engine .
	SLUICE_CALICO_ENGINE=$(CURDIR)/$(BIN)/calico-engine $(JUDGED) -run Calico ./synth/... ./cmd/sluice/...

conformance-cilium: ## build Cilium's policy engine and schemas and let them judge
	@mkdir -p $(BIN)
	cd cmd/conformance/cilium/engine && $(GO) vet . && $(GO) build -trimpath -o ../../../../$(BIN)/cilium-engine .
	cd cmd/conformance/cilium/schema && $(GO) vet . && $(GO) build -trimpath -o ../../../../$(BIN)/cilium-schema .
	SLUICE_CILIUM_ENGINE=$(CURDIR)/$(BIN)/cilium-engine SLUICE_CILIUM_SCHEMA=$(CURDIR)/$(BIN)/cilium-schema \
	  $(JUDGED) -run Cilium ./synth/... ./cmd/sluice/...

update: ## rewrite the expectations of scripts and goldens, then test
	SLUICE_UPDATE=1 $(GO) test ./cmd/... ./synth/... && $(GO) test ./...

cover: ## coverage by function
	$(GO) test -coverprofile=cover.out ./... && $(GO) tool cover -func=cover.out

clean: ## remove what was built
	rm -rf $(BIN) demo-bundle cover.out
