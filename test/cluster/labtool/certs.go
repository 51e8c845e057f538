package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certs writes the lab's certificate authority, the API server's certificate and one certificate per client:
// labtool certs -dir DIR -san 127.0.0.1,localhost admin=system:masters/kubernetes-admin …
func certs(args []string) error {
	flags := flag.NewFlagSet("certs", flag.ExitOnError)
	dir := flags.String("dir", "", "folder to write to")
	san := flags.String("san", "", "names and addresses of the API server")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ca := &authority{dir: *dir}
	if err := ca.create(); err != nil {
		return err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range strings.Split(*san, ",") {
		if ip := net.ParseIP(name); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, name)
		}
	}
	if err := ca.issue("apiserver", server); err != nil {
		return err
	}
	for _, client := range flags.Args() {
		file, subject, _ := strings.Cut(client, "=")
		group, user, _ := strings.Cut(subject, "/")
		certificate := &x509.Certificate{
			Subject:     pkix.Name{CommonName: user, Organization: []string{group}},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if err := ca.issue(file, certificate); err != nil {
			return err
		}
	}
	return nil
}

type authority struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func (ca *authority) create() error {
	ca.certificate = &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kubernetes"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	return ca.issue("ca", ca.certificate)
}

// issue writes NAME.crt and NAME.key. Serial numbers and the time of issue differ between labs, the keys anyway.
func (ca *authority) issue(name string, certificate *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if ca.key == nil {
		ca.key = key
	}
	ca.serial++
	certificate.SerialNumber = big.NewInt(time.Now().UnixMilli()*100 + ca.serial)
	certificate.NotBefore = time.Now().Add(-time.Hour)
	certificate.NotAfter = time.Now().AddDate(1, 0, 0)
	certificate.KeyUsage |= x509.KeyUsageDigitalSignature
	signed, err := x509.CreateCertificate(rand.Reader, certificate, ca.certificate, &key.PublicKey, ca.key)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := ca.write(name+".crt", "CERTIFICATE", signed); err != nil {
		return err
	}
	return ca.write(name+".key", "PRIVATE KEY", encoded)
}

func (ca *authority) write(file, kind string, bytes []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	return os.WriteFile(filepath.Join(ca.dir, file), text, 0o600)
}
