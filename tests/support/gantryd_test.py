#!/usr/bin/env python3
"""What tests hear when the daemon ends before, or while, it answers."""
import socket, tempfile, threading, unittest

from gantryd import Gantryd

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"an": "answer"}'


class CutAnswers(unittest.TestCase):
    def answer(self, text):
        """What a client makes of a server that sends this, and ends."""
        with tempfile.TemporaryDirectory() as work, socket.socket(socket.AF_UNIX) as server:
            server.bind(work + "/socket")
            server.listen()

            def serve():
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(text)
            thread = threading.Thread(target=serve)
            thread.start()
            try:
                return Gantryd.call(None, "GET", "/", socket_path=work + "/socket")
            finally:
                thread.join()

    def test_a_whole_one(self):
        self.assertEqual(self.answer(WHOLE), {"an": "answer"})

    def test_none_and_each_part_of_one(self):
        for length in range(len(WHOLE)):
            with self.subTest(length), self.assertRaises(OSError):
                self.answer(WHOLE[:length])


if __name__ == "__main__":
    unittest.main()
