"""Names of data sets on the hub. What the hub answers needs a network, which tests have not."""

import pytest

from understudy.data.hub import from_hub
from understudy.errors import ConfigError


@pytest.mark.parametrize("name", ["", "a b", "org/name/config/more", "org/name:", "../x y"])
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected hf:org/name, hf:org/name:split or"):
        from_hub(name)
