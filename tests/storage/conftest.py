import pytest

pytest.register_assert_rewrite("imagecards.testing.store_contract")
