// Package oapi is the server's side of openapi.yaml, generated: the wire types and one
// interface with a method for each operation. A new operation in the contract is a compile
// error in package api until somebody writes it.
package oapi

//go:generate go tool oapi-codegen -config config.yaml ../../../openapi.yaml
