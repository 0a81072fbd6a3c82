"""All cases by group, in the order of the log."""

from tests.odd import (
    cases_containers,
    cases_files_and_info,
    cases_films,
    cases_keys_and_places,
    cases_pictures,
    cases_secret_films,
)

GROUPS = {
    "Pictures": cases_pictures.CASES,
    "Films": cases_films.CASES + cases_secret_films.CASES,
    "Keys and places": cases_keys_and_places.CASES,
    "Containers": cases_containers.CASES,
    "Any file, and `info`": cases_files_and_info.CASES,
}
