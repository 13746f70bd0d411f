package cli

import (
	"flag"
	"log/slog"

	"lockstep/trust"
)

// TLSFlags are the settings that TLS adds, for the commands that take them.
var TLSFlags = []string{"tls-cert", "tls-key", "tls-ca"}

// TLS adds the flags that name a program's certificate.
func TLS(flags *flag.FlagSet, to *trust.Files) {
	String(flags, &to.Certificate, "tls-cert", "",
		"the `file` with this program's certificate: connections are encrypted, and\nboth sides show who they are; it is read again when it has changed")
	String(flags, &to.Key, "tls-key", "", "the `file` with the certificate's private key")
	String(flags, &to.Authorities, "tls-ca", "", "the `file` with the authorities that sign the certificates of the others")
}

// OpenTLS reads what the flags name. It returns nil if they name nothing.
func OpenTLS(files trust.Files, insecure bool, log *slog.Logger) (*trust.Keeper, error) {
	if err := CheckTLS(files, insecure); err != nil || !files.Given() {
		return nil, err
	}
	keeper, err := trust.Open(files, log)
	if err != nil {
		return nil, Fail(Config, "%v", err)
	}
	return keeper, nil
}

// CheckTLS refuses flags that do not go together.
func CheckTLS(files trust.Files, insecure bool) error {
	if !files.Given() {
		return nil
	}
	for i, name := range []string{files.Certificate, files.Key, files.Authorities} {
		if name == "" {
			return Misuse("-%s is missing: -tls-cert, -tls-key and -tls-ca go together; lockd certs makes the files for a trial", TLSFlags[i])
		}
	}
	if insecure {
		return Misuse("-insecure and -tls-cert exclude each other: the one does without what the other is for")
	}
	return nil
}
