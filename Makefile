# What is checked, and how long each part may take on two cores (minutes):
#
#   fmt, vet, lint, tidy, fresh   1.5   mostly building the tools
#   test                          6     README's command; the simulator's 138 mutations take what processes leave
#   modules                       1.5   bench, deploy, and the page in a real browser
#   race                          3     everything in process; the simulator with fewer seeds
#   chaos                         1     CI lets it run beside the first line
#
# `make check` and a minute of chaos are what CI runs. The rest is for hands:
#
#   make chaos DURATION=30m       real processes, cut networks, full disks; SEED=… brings the same faults back
#   make failover KILLS=20        how long clients wait when the primary ends
#   make soak SEEDS=20000         the simulator, both regimes
#   make scenarios COUNT=50       the lab's scenarios, in process under race and as processes
#   make fuzz TIME=60s            every decoder
#   make models                   the longer list of the Spin models
#   make docs                     what the README and docs/ say, typed
#   make axe                      what the page's accessibility is checked with, from npm
#   make bench                    against Redis and etcd, in one run
#   make compare                  a pair beside three nodes, in memory and on disk, in one run
#   make beside                   the public API beside the Go client, in one run
#   make flood                    how others fare beside attacks on a node's public port
#   make pictures                 img/, from real runs

SEEDS ?= 20000
COUNT ?= 50
TIME  ?= 60s
KILLS ?= 20

DURATION ?= 60s

.PHONY: check fmt vet lint tidy fresh test docs axe race chaos failover soak scenarios fuzz models bench compare beside flood pictures

check: fmt vet lint tidy fresh test race

fmt:
	@bad=$$(git ls-files '*.go' | grep -v '\.pb\.go$$\|\.connect\.go$$' | xargs gofmt -l); \
	if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi

vet:
	go vet ./...
	go vet -tags lockfaults ./cmd/...

lint:
	go tool staticcheck ./...
	go tool staticcheck -tags lockfaults ./cmd/...

tidy:
	go mod tidy -diff
	cd bench && go mod tidy -diff
	cd deploy && go mod tidy -diff
	cd tests/browser && go mod tidy -diff

# The generated code must be what the schema says.
fresh:
	go generate ./messages ./api
	git diff --exit-code -- messages api

test:
	go test -timeout 30m ./...
	cd bench && go vet ./... && go test ./...
	cd deploy && go vet ./... && go test ./...
	cd tests/browser && go vet ./... && go test ./...

# The checks of accessibility, outside the repository: npm holds them against their
# checksum, and runs nothing of theirs.
AXE = $${XDG_CACHE_HOME:-$$HOME/.cache}/lockstep/axe
axe:
	@mkdir -p $(AXE)
	@cmp -s tests/browser/axe/package-lock.json $(AXE)/node_modules/.installed || { \
		cp tests/browser/axe/package.json tests/browser/axe/package-lock.json $(AXE) && \
		npm ci --prefix $(AXE) --ignore-scripts --no-audit --no-fund --loglevel=error && \
		cp tests/browser/axe/package-lock.json $(AXE)/node_modules/.installed; }

race:
	go test -timeout 30m -race $$(go list ./... | grep -v /tests/models)

docs:
	go test ./tests/docs -v

# It needs Linux, and root or user namespaces: see tests/machines.
chaos:
	go run ./tests/chaos -duration $(DURATION) $(if $(SEED),-seed $(SEED))

failover:
	go run ./tests/chaos/failover -kills $(KILLS)

soak:
	go run ./tests/sim/simrun -seeds $(SEEDS) -regime both -progress

scenarios:
	go test -race ./tests -run TestScenariosInProcess -count=$(COUNT)
	go test ./tests -run TestScenariosAsProcesses -count=$(COUNT) -timeout 60m

fuzz:
	go test ./messages -run '^$$' -fuzz '^FuzzDecode$$' -fuzztime $(TIME)
	go test ./messages -run '^$$' -fuzz '^FuzzDecodeSnapshot$$' -fuzztime $(TIME)
	go test ./lock -run '^$$' -fuzz '^FuzzCheckName$$' -fuzztime $(TIME)
	go test ./api -run '^$$' -fuzz '^FuzzJSON$$' -fuzztime $(TIME)
	go test ./doors -run '^$$' -fuzz '^FuzzWhereARequestComesFrom$$' -fuzztime $(TIME)
	go test ./journal -run '^$$' -fuzz '^FuzzOpen$$' -fuzztime $(TIME) -fuzzminimizetime 10x

models:
	LOCKSTEP_MODELS=full go test ./tests/models -v -timeout 30m

bench:
	cd bench && go run .

compare:
	@mkdir -p bin
	go build -o bin/ ./cmd/...
	bin/lockload compare -goroutines 1024 -runs 5

beside:
	@mkdir -p bin
	go build -o bin/ ./cmd/...
	bin/lockload api -spawn -quorum -runs 5

flood:
	@mkdir -p bin
	go build -o bin/ ./cmd/...
	bin/lockload flood -quorum -durability memory -runs 5

pictures:
	./img/make.sh
