import { describe, expect, test } from 'vitest'
import { parseMysqlUrl, showMysqlAddress } from '../../src/datasources/mysqlUrl.ts'
import { MillraceError } from '../../src/errors.ts'

describe('a MySQL URL', () => {
  test('gives host, port, user, password and database', () => {
    expect(parseMysqlUrl('mysql://root:abc@mysql:3307/CS544')).toEqual({
      host: 'mysql',
      port: 3307,
      user: 'root',
      password: 'abc',
      database: 'CS544',
      tls: false,
    })
  })

  test('has 3306 as its port, root as its user and no password where it says nothing', () => {
    expect(parseMysqlUrl('mysql://db.example/shop')).toMatchObject({ port: 3306, user: 'root', password: '' })
  })

  test('may have percent-codes in user, password and database', () => {
    expect(parseMysqlUrl('mysql://a%40b:p%2Fw%3Ad%25%40@h/my%20db')).toMatchObject({
      user: 'a@b',
      password: 'p/w:d%@',
      database: 'my db',
    })
  })

  test('may name an IPv6 address and ask for TLS', () => {
    const address = parseMysqlUrl('mysql://[::1]:3306/db?ssl=true')
    expect(address).toMatchObject({ host: '::1', tls: true })
    expect(showMysqlAddress(address)).toBe('mysql://[::1]:3306/db?ssl=true')
  })

  test('is shown without user and password', () => {
    expect(showMysqlAddress(parseMysqlUrl('mysql://root:secret@h/my%20db'))).toBe('mysql://h:3306/my%20db')
  })

  test.each([
    ['mysql//root:secret@h/db', 'no URL'],
    ['postgres://root:secret@h/db', 'postgres:'],
    ['mysql://root:secret@/db', 'no URL'],
    ['mysql://root:secret@h', 'no database'],
    ['mysql://root:secret@h/', 'no database'],
    ['mysql://root:secret@h/a/b', '"a/b"'],
    ['mysql://root:secret@h:0/db', 'port 0'],
    ['mysql://root:secret@h:99999/db', 'no URL'],
    ['mysql://root:secret%@h/db', 'password'],
    ['mysql://root:secret@h/db?timeout=3', '"timeout"'],
    ['mysql://root:secret@h/db?ssl=maybe', 'ssl=maybe'],
  ])('that is none is an error that says what came, without the password: %s', (url, says) => {
    let caught: unknown
    try {
      parseMysqlUrl(url)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(MillraceError)
    const { code, message, hint } = caught as MillraceError
    expect(code).toBe('BAD_USER_INPUT')
    expect(message).toContain('mysql://user:password@host:3306/database')
    expect(message).toContain(says)
    expect(`${message} ${hint}`).not.toContain('secret')
  })
})
