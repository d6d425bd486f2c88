// Package sql is a client of MySQL and MariaDB servers: one connection, whose
// calls are recorded, and one statement at a time. The protocol is the
// library's, github.com/go-sql-driver/mysql.
package sql
