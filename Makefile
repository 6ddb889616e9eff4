# `make` lists the targets. Nothing here tracks files: Go's build cache knows what is fresh.

BUILD    ?= build
GOARCH   ?= arm64
FUZZTIME ?= 30s
STAGE    ?= default
VULNDB   ?=

FUNCTIONS := $(notdir $(wildcard functions/*))
COMMANDS  := $(notdir $(wildcard cmd/*))
TOOL      := go tool -modfile=.ci/tools.mod

# How a function is built, here and by `sam build`: static, without the RPC mode of old runtimes, paths or symbols.
LAMBDA = CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) go build -tags lambda.norpc -trimpath -ldflags "-s -w"

.PHONY: help demo test lint fuzz bench simulate mutants load vuln build deploy clean build-WatcherFunction build-SlackFunction
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a tour of one minute, with nothing but Go
	@go run ./cmd/restorewatch demo

test: ## every test, with the race detector and real servers; installs what it needs
	@.ci/setup
	go test -race -shuffle=on -timeout 14m ./...

lint: ## formatting, vet, modern Go, golangci-lint, tidy modules, the template
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); test -z "$$unformatted" || \
		{ echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go fix -diff ./...
	go mod tidy -diff
	$(TOOL) golangci-lint run
	@PATH="$(CURDIR)/.ci/venv/bin:$$PATH"; if command -v cfn-lint >/dev/null; then \
		echo "cfn-lint template.yaml" && cfn-lint template.yaml; else echo "cfn-lint is not installed: the template is unchecked"; fi

fuzz: ## each fuzzer for FUZZTIME (30s), and how often each ran; what fails is kept in testdata/fuzz beside it
	@mkdir -p $(BUILD); log=$(BUILD)/fuzz.log; fuzzers=0; total=0; \
	for file in $$(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			printf '%-30s %-18s' "$$(dirname "$$file")" "$$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 200x "./$$(dirname "$$file")" >$$log 2>&1 || \
				{ echo FAILED; cat $$log; exit 1; }; \
			ran=$$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' $$log | tail -n 1); \
			printf '%12d executions\n' "$$ran"; \
			fuzzers=$$((fuzzers + 1)); total=$$((total + ran)); \
		done; \
	done; \
	printf '%d fuzzers, %d executions\n' "$$fuzzers" "$$total"

bench: ## every benchmark
	go test -run '^$$' -bench . -benchmem ./...

simulate: ## histories with faults for FOR (10m) and every order of overlapping runs; SEED=… KEEP=… replays one with its trace
	@if test -n "$(SEED)"; then go test -count=1 ./internal/simtest -run 'TestReplay$$' -v -seed $(SEED) $(if $(KEEP),-keep $(KEEP)); \
	else go test -count=1 -timeout 0 ./internal/simtest -run 'TestHistories$$|TestEvery|TestLadder' -v -for $(or $(FOR),10m) -wide; fi

mutants: ## deliberate faults of the protocol: by which broken promise the simulation catches each, after how many histories
	@table=$$(go test -count=1 ./internal/simtest -run 'TestMutants$$' -v -seeds 5); status=$$?; \
		echo "$$table" | grep -v -e '^=== ' -e '    ---'; exit $$status

load: ## the tables of docs/scale.md, up to 10,000 jobs; LAMBDA=1 within a function's memory and processor share, as root
	@go test -count=1 -timeout 0 ./internal/loadtest -v -scale $(if $(LAMBDA),-lambda) $(if $(RUN),-run '$(RUN)')

vuln: ## known vulnerabilities in what the programs call; VULNDB=file:///… takes a local database
	@VULNDB="$(VULNDB)" .ci/vuln

build: ## build/NAME/bootstrap and a zip beside it for each function (GOARCH=arm64), build/restorewatch for this machine
	@mkdir -p $(BUILD)
	@set -e; for name in $(FUNCTIONS); do \
		$(LAMBDA) -o $(BUILD)/$$name/bootstrap ./functions/$$name; \
		env -u GOARCH -u GOOS go run .ci/zip.go $(BUILD)/$$name/bootstrap $(BUILD)/$$name/bootstrap.zip; \
	done
	@set -e; for name in $(COMMANDS); do env -u GOARCH -u GOOS go build -trimpath -o $(BUILD)/$$name ./cmd/$$name; done

deploy: ## sam build and sam deploy; STAGE=prod takes that table of samconfig.toml
	sam build --config-env $(STAGE)
	sam deploy --config-env $(STAGE)

clean: ## remove what was built; what .ci/setup installed stays
	rm -rf $(BUILD) .aws-sam

# What `sam build` calls for the functions of the template, which says arm64.
build-WatcherFunction:
	$(LAMBDA) -o $(ARTIFACTS_DIR)/bootstrap ./functions/watcher

build-SlackFunction:
	$(LAMBDA) -o $(ARTIFACTS_DIR)/bootstrap ./functions/slack
