package api

//go:generate sh -c "go build -o ../bin/ google.golang.org/protobuf/cmd/protoc-gen-go connectrpc.com/connect/cmd/protoc-gen-connect-go"
//go:generate sh -c "go build -o ../bin/protoc-gen-openapi ./internal/openapi"
//go:generate sh -c "PATH=../bin:$PATH protoc --go_out=. --go_opt=paths=source_relative --connect-go_out=. --connect-go_opt=paths=source_relative,simple,package_suffix --openapi_out=. lockstep/v1/lockstep.proto"
