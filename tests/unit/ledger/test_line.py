"""The line before the writer: who goes when."""

from frugal.ledger.line import LINGER, Line
from frugal.ledger.tickets import Ticket


class Piece:
    def __init__(self, born, *, urgent=False):
        self.ticket = Ticket()
        self.ticket.born = born
        self.urgent = urgent


def test_what_is_free_lingers_by_its_own_age():
    """Under a steady stream each transaction has company: what is left behind does not go at once."""
    line = Line()
    for number in range(10):
        line.add(Piece(number / 100))
    assert LINGER == line.due
    line.take(5)
    assert 0.05 + LINGER == line.due
    line.take(5)
    assert 0.0 == line.due


def test_what_is_urgent_takes_along_what_stands_before_it():
    """In the order in which they came."""
    line = Line()
    first, second = Piece(1.0), Piece(2.0, urgent=True)
    line.add(first)
    line.add(second)
    assert 0.0 == line.due
    assert [first, second] == line.take(256)


def test_what_is_put_back_stands_first_again():
    """A failed transaction changes no order."""
    line = Line()
    pieces = [Piece(float(number)) for number in range(3)]
    for piece in pieces:
        line.add(piece)
    taken = line.take(2)
    line.put_back(taken)
    assert pieces == line.take(3)
