"""Those who send jobs."""

import os
import subprocess
import sys
from typing import Final

from provisioning.local_settings import ROOT
from testing.environment import Environment
from tools.local.ports import free_ports

AT_ONCE: Final = """
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from functions.jobs import queue

begun = Event()


class Slow:
    @staticmethod
    def find_spec(name, *_):
        # Celery is half loaded then: the other thread comes into the middle.
        if name == "celery.local":
            begun.set()
            time.sleep(1)


sys.meta_path.insert(0, Slow)


def send(number):
    if number:
        begun.wait()
    try:
        queue.converge("ins_nobody")
    except queue.JobQueueUnavailable:
        return True


with ThreadPoolExecutor(2) as pool:
    assert all(pool.map(send, range(2)))
"""


def test_the_first_jobs_of_a_process_can_be_sent_at_once(env: Environment) -> None:
    # Nobody listens: what they import to find that out is what they may not take from each other.
    nobody = {"USER_REDIS_URL": f"127.0.0.1:{free_ports(1)[0]}"}
    command = [sys.executable, "-c", AT_ONCE]
    environment = os.environ | env.environment() | nobody
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
