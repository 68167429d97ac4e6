"""Loaded at the start of every Python in the environment that runs a lesson: nothing but the loopback is reached, and who tries is written down.

A network namespace (`unshare`) does the same where it may be used; this also works on macOS and Windows, and knows who asked."""
import os, sys


def watch(event, arguments):
    if event not in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'): return
    where = arguments[0] if event == 'socket.getaddrinfo' else arguments[1][0] if isinstance(arguments[1], tuple) else 'local'
    where = where.decode() if isinstance(where, bytes) else where
    if where in (None, '', 'local', 'localhost', '::1', '0.0.0.0') or str(where).startswith('127.'): return
    with open(os.environ['LESSON_ASKED'], 'a', encoding='utf-8') as log: log.write(f'{event} {where}\n')
    raise OSError(f'a lesson asked for {where}: lessons must work without a network')


if os.environ.get('LESSON_ASKED'): sys.addaudithook(watch)
