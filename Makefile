# netlab: `make run` and `make test` are all that a newcomer needs.
SHELL := /bin/bash
export CGO_ENABLED ?= 0

.PHONY: help build run test course lint generate golden record bench soak gallery fuzz needs-run needs-test needs-bench

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/netlab
	@go build -trimpath -o bin/netlab ./cmd/netlab

run: needs-run build ## run the first scenario: netlab run ftp-close
	@bin/netlab run ftp-close; code=$$?; \
	if [ $$code = 3 ]; then echo 'make run: not everything could be seen or done here; the lines above say what helps (netlab doctor)'; exit 0; fi; \
	exit $$code

test: needs-test lint ## check the source and run every test with the race detector
	CGO_ENABLED=1 go test -race -shuffle=on -count=1 -timeout 20m ./...

course: build ## run the gallery of the course, with its mutations; the time of each topic
	.ci/course

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

generate: ## make the BPF objects again (needs clang and llvm-strip)
	go generate ./probes/bpf

golden: ## write the golden files of the tests again; look at the difference
	CGO_ENABLED=1 go test ./lab/report ./lab/step ./lab/plan ./lab/filter ./cmd/netlab ./scenarios ./probes/timeline ./probes/sockdiag ./probes/ss -update

bench: build needs-bench ## print what things cost, as ratios within one run
	@.ci/wall
	go test -run '^$$' -bench 'Compare' -benchtime 1x -timeout 60m ./probes/bpf ./lab ./lab/run ./lab/link ./lab/gate ./lab/suite

soak: build ## the long runs: the course 50 times, and on busy processors; ftp-close, and all that has a gate, as root and as an ordinary user
	.ci/course soak
	.ci/soak
	.ci/gallery gated

gallery: build ## the gallery 100 times, and on busy processors; what has a gate as an ordinary user, too
	.ci/gallery

record: build ## record the runs that tests replay again (as root); look at the difference
	.ci/record

fuzz: ## every fuzz target for a while
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
	echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime 20s $$p || exit 1; done; done

needs-run:
	@.ci/needs iproute2

needs-test:
	@.ci/needs iproute2 gcc libc6-dev clang llvm tshark tmux

needs-bench:
	@.ci/needs iproute2 mininet bridge-utils curl libbpf-tools
