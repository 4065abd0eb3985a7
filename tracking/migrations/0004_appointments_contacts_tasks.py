# Nothing has ever written a row of exchangesyncidmapping: the defaults of its new columns are never used.

import uuid

import django.db.models.deletion
import django.utils.timezone
import profiles.identifiers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contenttypes', '0002_remove_content_type_name'),
        ('mailboxes', '0009_outgoing_mail'),
        ('tracking', '0003_folder_rules'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HeldDeletion',
            fields=[
                ('id', models.UUIDField(default=profiles.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('appointment', 'Appointment'), ('contact', 'Contact'), ('task', 'Task')], max_length=16)),
                ('on_side', models.CharField(choices=[('crm', 'Here'), ('exchange', 'Exchange')], help_text='The side that would lose them.', max_length=16)),
                ('number', models.PositiveIntegerField()),
                ('out_of', models.PositiveIntegerField()),
                ('held_on', models.DateTimeField()),
                ('decision', models.PositiveSmallIntegerField(choices=[(0, 'Waits'), (1, 'Approved'), (2, 'Refused')], default=0)),
                ('decided_on', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-held_on'],
            },
        ),
        migrations.CreateModel(
            name='HeldWrite',
            fields=[
                ('id', models.UUIDField(default=profiles.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('original_start', models.DateTimeField(blank=True, help_text='Of the occurrence, where it is about one.', null=True)),
                ('kind_of_write', models.CharField(choices=[('invite', 'Invitation'), ('update', 'Update of a meeting'), ('cancel', 'Cancellation')], max_length=16)),
                ('addresses', models.JSONField(default=list)),
                ('fingerprint', models.CharField(max_length=64)),
                ('held_on', models.DateTimeField()),
                ('decision', models.PositiveSmallIntegerField(choices=[(0, 'Waits'), (1, 'Approved'), (2, 'Refused')], default=0)),
                ('decided_on', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['held_on'],
            },
        ),
        migrations.CreateModel(
            name='RecycledItem',
            fields=[
                ('id', models.UUIDField(default=profiles.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('appointment', 'Appointment'), ('contact', 'Contact'), ('task', 'Task')], max_length=16)),
                ('object_id', models.CharField(blank=True, max_length=64)),
                ('snapshot', models.JSONField(help_text='The fields as they were, with the occurrences of a series.')),
                ('deleted_on_side', models.CharField(choices=[('crm', 'Here'), ('exchange', 'Exchange')], help_text='The side that lost it through us.', max_length=16)),
                ('reason', models.CharField(max_length=64)),
                ('deleted_on', models.DateTimeField()),
                ('expires_on', models.DateTimeField()),
                ('restored_on', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-deleted_on'],
            },
        ),
        migrations.CreateModel(
            name='SyncAttributeMapping',
            fields=[
                ('id', models.UUIDField(default=profiles.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('record_kind', models.CharField(choices=[('appointment', 'Appointment'), ('series', 'Recurring appointment'), ('task', 'Task'), ('phone_call', 'Phone call'), ('letter', 'Letter'), ('fax', 'Fax'), ('contact', 'Contact')], max_length=16)),
                ('field', models.CharField(help_text='By its name on the side of Exchange.', max_length=64)),
                ('sync_direction', models.PositiveSmallIntegerField(choices=[(0, 'Neither way'), (1, 'To Exchange'), (2, 'From Exchange'), (3, 'Both ways')])),
                ('modified_on', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['record_kind', 'field'],
            },
        ),
        migrations.CreateModel(
            name='SyncConflict',
            fields=[
                ('id', models.UUIDField(default=profiles.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('appointment', 'Appointment'), ('contact', 'Contact'), ('task', 'Task')], max_length=16)),
                ('object_id', models.CharField(blank=True, max_length=64)),
                ('original_start', models.DateTimeField(blank=True, help_text='Of the occurrence, where it is about one.', null=True)),
                ('field', models.CharField(max_length=64)),
                ('before', models.JSONField(help_text='What both had agreed on.', null=True)),
                ('ours', models.JSONField(null=True)),
                ('theirs', models.JSONField(null=True)),
                ('taken', models.CharField(choices=[('crm', 'Here'), ('exchange', 'Exchange')], max_length=16)),
                ('rule', models.CharField(help_text='Why that side was taken.', max_length=64)),
                ('occurred_on', models.DateTimeField()),
                ('undone_on', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-occurred_on'],
            },
        ),
        migrations.CreateModel(
            name='SyncFilter',
            fields=[
                ('id', models.UUIDField(default=profiles.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=160)),
                ('record_kind', models.CharField(choices=[('appointment', 'Appointment'), ('series', 'Recurring appointment'), ('task', 'Task'), ('phone_call', 'Phone call'), ('letter', 'Letter'), ('fax', 'Fax'), ('contact', 'Contact')], max_length=16)),
                ('conditions', models.JSONField(default=dict)),
                ('is_default', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('created_on', models.DateTimeField(auto_now_add=True)),
                ('modified_on', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['record_kind', 'name'],
            },
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='came_by_filter',
            field=models.BooleanField(default=False, help_text='A filter brought it to Exchange; what came from there leaves with no filter (10.1 b, d).'),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='agreed',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='agreed_occurrences',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='agreed_on',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='asked_on',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='created_on',
            field=models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='crm_modified_on',
            field=models.DateTimeField(blank=True, help_text='Of the record when it was last compared: what has the same time is not read.', null=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='crm_version',
            field=models.CharField(blank=True, help_text='Hash of our values when both sides agreed.', max_length=64),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='decided_on',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='from_crm_change_type',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Nothing'), (1, 'Create'), (2, 'Update'), (3, 'Delete')], default=0),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='item_subject',
            field=models.CharField(blank=True, max_length=2048),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='kind',
            field=models.CharField(choices=[('appointment', 'Appointment'), ('contact', 'Contact'), ('task', 'Task')], default='appointment', max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='last_sync_error',
            field=models.CharField(blank=True, max_length=2048),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='last_sync_error_code',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='last_sync_error_occurred_on',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='mailbox',
            field=models.ForeignKey(db_index=False, default=uuid.UUID(int=0), on_delete=django.db.models.deletion.CASCADE, related_name='sync_mappings', to='mailboxes.mailbox'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='mark',
            field=models.CharField(blank=True, help_text='Our own id, which the item on the server bears.', max_length=64),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='modified_on',
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='next_attempt_on',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='question',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Nothing'), (1, 'It was deleted in Exchange. Delete it here as well?'), (2, 'Is it the same as a record that is here already?'), (3, 'It was linked before. Link it again?'), (4, 'It overlaps with another appointment. Keep it all the same?')], default=0),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='question_facts',
            field=models.JSONField(default=dict, help_text='What the person who answers needs to know.'),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='retries',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='seen_generation',
            field=models.PositiveBigIntegerField(default=0, help_text='Of the last listing that showed the item: after a complete one the others are gone.'),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='server_version',
            field=models.CharField(blank=True, help_text='ChangeKey when both sides agreed.', max_length=512),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='to_crm_change_type',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Nothing'), (1, 'Create'), (2, 'Update'), (3, 'Delete')], default=0),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='uid',
            field=models.CharField(blank=True, help_text='GlobalObjectId: the same for all who take part.', max_length=300),
        ),
        migrations.AddField(
            model_name='exchangesyncidmapping',
            name='user_decision',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Not answered'), (1, 'Yes'), (2, 'No')], default=0),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(condition=models.Q(('exchange_entry_id', ''), _negated=True), fields=['exchange_entry_id'], name='mapping_entry_id'),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(condition=models.Q(('object_id', ''), _negated=True), fields=['object_type', 'object_id'], name='mapping_of_object'),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(condition=models.Q(('uid', ''), _negated=True), fields=['uid'], name='mapping_uid'),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(fields=['mailbox', 'kind', 'seen_generation'], name='mapping_seen'),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(condition=models.Q(('next_attempt_on__isnull', False)), fields=['mailbox', 'next_attempt_on'], name='mapping_to_retry'),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(condition=models.Q(('question__gt', 0)), fields=['mailbox', 'question'], name='mapping_asked'),
        ),
        migrations.AddIndex(
            model_name='exchangesyncidmapping',
            index=models.Index(condition=models.Q(('last_sync_error', ''), _negated=True), fields=['mailbox', 'last_sync_error_occurred_on'], name='mapping_failed'),
        ),
        migrations.AddConstraint(
            model_name='exchangesyncidmapping',
            constraint=models.UniqueConstraint(condition=models.Q(('exchange_entry_id', ''), _negated=True), fields=('mailbox', 'kind', 'exchange_entry_id'), name='mapping_once_per_item'),
        ),
        migrations.AddConstraint(
            model_name='exchangesyncidmapping',
            constraint=models.UniqueConstraint(condition=models.Q(('mark', ''), _negated=True), fields=('mailbox', 'mark'), name='mapping_once_per_mark'),
        ),
        migrations.AddField(
            model_name='helddeletion',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='helddeletion',
            name='mailbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='held_deletions', to='mailboxes.mailbox'),
        ),
        migrations.AddField(
            model_name='heldwrite',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='heldwrite',
            name='mailbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='held_writes', to='mailboxes.mailbox'),
        ),
        migrations.AddField(
            model_name='heldwrite',
            name='mapping',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='held_writes', to='tracking.exchangesyncidmapping'),
        ),
        migrations.AddField(
            model_name='recycleditem',
            name='mailbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recycled_items', to='mailboxes.mailbox'),
        ),
        migrations.AddField(
            model_name='recycleditem',
            name='object_type',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contenttypes.contenttype'),
        ),
        migrations.AddField(
            model_name='recycleditem',
            name='restored_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='syncattributemapping',
            name='modified_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='syncconflict',
            name='mailbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sync_conflicts', to='mailboxes.mailbox'),
        ),
        migrations.AddField(
            model_name='syncconflict',
            name='mapping',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='conflicts', to='tracking.exchangesyncidmapping'),
        ),
        migrations.AddField(
            model_name='syncconflict',
            name='object_type',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contenttypes.contenttype'),
        ),
        migrations.AddField(
            model_name='syncconflict',
            name='undone_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='syncfilter',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sync_filters', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='syncfilter',
            name='template',
            field=models.ForeignKey(blank=True, help_text='Of which it is a copy.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='copies', to='tracking.syncfilter'),
        ),
        migrations.AddConstraint(
            model_name='helddeletion',
            constraint=models.UniqueConstraint(condition=models.Q(('decision', 0)), fields=('mailbox', 'kind', 'on_side'), name='held_deletion_open_once'),
        ),
        migrations.AddIndex(
            model_name='heldwrite',
            index=models.Index(fields=['mailbox', 'decision'], name='held_write_of_mailbox'),
        ),
        migrations.AddConstraint(
            model_name='heldwrite',
            constraint=models.UniqueConstraint(fields=('mapping', 'fingerprint'), name='held_write_once'),
        ),
        migrations.AddIndex(
            model_name='recycleditem',
            index=models.Index(fields=['mailbox', '-deleted_on'], name='recycled_of_mailbox'),
        ),
        migrations.AddIndex(
            model_name='recycleditem',
            index=models.Index(fields=['expires_on'], name='recycled_expires'),
        ),
        migrations.AddIndex(
            model_name='recycleditem',
            index=models.Index(fields=['object_type', 'object_id'], name='recycled_object'),
        ),
        migrations.AddConstraint(
            model_name='syncattributemapping',
            constraint=models.UniqueConstraint(fields=('record_kind', 'field'), name='sync_attribute_once_per_field'),
        ),
        migrations.AddIndex(
            model_name='syncconflict',
            index=models.Index(fields=['mailbox', '-occurred_on'], name='conflict_of_mailbox'),
        ),
        migrations.AddIndex(
            model_name='syncconflict',
            index=models.Index(fields=['mapping', '-occurred_on'], name='conflict_of_mapping'),
        ),
        migrations.AddIndex(
            model_name='syncconflict',
            index=models.Index(fields=['object_type', 'object_id'], name='conflict_of_object'),
        ),
        migrations.AddConstraint(
            model_name='syncfilter',
            constraint=models.UniqueConstraint(condition=models.Q(('owner', None), _negated=True), fields=('owner', 'record_kind', 'name'), name='sync_filter_once_per_owner'),
        ),
        migrations.AddConstraint(
            model_name='syncfilter',
            constraint=models.UniqueConstraint(condition=models.Q(('owner', None)), fields=('record_kind', 'name'), name='sync_filter_template_once'),
        ),
        migrations.AddConstraint(
            model_name='syncfilter',
            constraint=models.CheckConstraint(condition=models.Q(('is_default', False), ('owner', None), _connector='OR'), name='sync_filter_default_is_template'),
        ),
        migrations.CreateModel(
            name='SyncProgress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('appointment', 'Appointment'), ('contact', 'Contact'), ('task', 'Task')], max_length=16)),
                ('generation', models.PositiveBigIntegerField(default=1)),
                ('listing_complete_on', models.DateTimeField(blank=True, help_text='Of this generation.', null=True)),
                ('crm_seen_until', models.DateTimeField(blank=True, help_text='By the time of their last change.', null=True)),
                ('filters_fingerprint', models.CharField(blank=True, help_text='Of the filters last used: after a change everything is compared.', max_length=64)),
                ('preview', models.JSONField(default=dict, help_text='What the first synchronization would do, in numbers (10.1 f).')),
                ('previewed_on', models.DateTimeField(blank=True, null=True)),
                ('started_on', models.DateTimeField(blank=True, null=True)),
                ('total', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('finished_on', models.DateTimeField(blank=True, help_text='When the first synchronization was done.', null=True)),
                ('mailbox', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sync_progress', to='mailboxes.mailbox')),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'sync progress',
                'constraints': [models.UniqueConstraint(fields=('mailbox', 'kind'), name='sync_progress_once_per_kind')],
            },
        ),
    ]
