// Command server serves gofakes3 on loopback, at the port in its first argument.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

func main() {
	server := gofakes3.New(s3mem.New())
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], server.Server()))
}
