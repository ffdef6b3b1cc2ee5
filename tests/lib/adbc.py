"""ADBC's Flight SQL driver (Go, through its Python binding), connected to a server of ours."""

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi

OPTIONS = adbc_driver_flightsql.DatabaseOptions


def connect(client, autocommit=True, headers=(), **options):
    """A DBAPI connection to the tenant of a lib.client.Client."""
    pairs = {"eider-tenant": client.tenant} | dict(headers)
    keywords = {OPTIONS.RPC_CALL_HEADER_PREFIX.value + name: value for name, value in pairs.items()}
    return adbc_driver_flightsql.dbapi.connect(f"grpc://127.0.0.1:{client.server.port}", db_kwargs=keywords | options,
                                               autocommit=autocommit)


def rows(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def value(connection, sql, parameters=None):
    ((found,),) = rows(connection, sql, parameters)
    return found
