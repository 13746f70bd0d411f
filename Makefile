# What is checked, and how long each part may take on two cores (minutes):
#
#   fmt, vet, lint, tidy, fresh   1.5   mostly building the tools
#   test                          5     README's command; most of it the simulator and its mutations
#   race                          4     everything in process; the simulator with fewer seeds
#
# `make check` is what CI runs. The rest is for hands:
#
#   make soak SEEDS=20000         the simulator, both regimes
#   make scenarios COUNT=50       the lab's scenarios, in process under race and as processes
#   make fuzz TIME=60s            every decoder
#   make models                   the longer list of the Spin models
#   make bench                    against Redis, in one run
#   make pictures                 img/, from real runs

SEEDS ?= 20000
COUNT ?= 50
TIME  ?= 60s

.PHONY: check fmt vet lint tidy fresh test race soak scenarios fuzz models bench pictures

check: fmt vet lint tidy fresh test race

fmt:
	@bad=$$(git ls-files '*.go' | grep -v '\.pb\.go$$' | xargs gofmt -l); \
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

# The generated code must be what the schema says.
fresh:
	go generate ./messages
	git diff --exit-code -- messages

test:
	go test ./...
	cd bench && go vet ./... && go test ./...

race:
	go test -race $$(go list ./... | grep -v /tests/models)

soak:
	go run ./tests/sim/simrun -seeds $(SEEDS) -regime both -progress

scenarios:
	go test -race ./tests -run TestScenariosInProcess -count=$(COUNT)
	go test ./tests -run TestScenariosAsProcesses -count=$(COUNT) -timeout 60m

fuzz:
	go test ./messages -run '^$$' -fuzz '^FuzzDecode$$' -fuzztime $(TIME)
	go test ./messages -run '^$$' -fuzz '^FuzzDecodeSnapshot$$' -fuzztime $(TIME)
	go test ./lock -run '^$$' -fuzz '^FuzzCheckName$$' -fuzztime $(TIME)

models:
	LOCKSTEP_MODELS=full go test ./tests/models -v -timeout 30m

bench:
	cd bench && go run .

pictures:
	./img/make.sh
