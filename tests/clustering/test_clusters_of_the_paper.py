"""What Martineau 2019 says of clustering holds, by the script that makes the table."""

import argparse

import pytest

from support import reproduce  # noqa: F401  (puts the folder of the scripts on the path)


@pytest.mark.slow
def test_the_papers_observations_on_clusters():
    import martineau_clusters

    report = martineau_clusters.make(argparse.Namespace())
    assert len(report.facts) == 9
    assert report.surprises == []
