// Drives the EWS face of the sandbox with ews-javascript-api, a port of Microsoft's EWS Managed API.
//
//   node acceptance.js EWS_URL CONTROL_URL
//
// Prints one line per step and ends with status 1 at the first step that fails. The sandbox must have an account
// alice@us.test and a service account service@us.test that may impersonate, both with the password "secret".

"use strict";

const assert = require("node:assert");
const ews = require("ews-javascript-api");

const [ewsUrl, controlUrl] = process.argv.slice(2);
const ALICE = "alice@us.test";
const ANN = "ann@acme.test";
const { BasePropertySet, BodyType, PropertySet, WellKnownFolderName } = ews;

const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2013_SP1);
service.Credentials = new ews.WebCredentials("service@us.test", "secret");
service.Url = new ews.Uri(ewsUrl);
service.ImpersonatedUserId = new ews.ImpersonatedUserId(ews.ConnectingIdType.SmtpAddress, ALICE);

const inbox = new ews.FolderId(WellKnownFolderName.Inbox);
const idOnly = new PropertySet(BasePropertySet.IdOnly);
const firstClass = new PropertySet(BasePropertySet.FirstClassProperties);
const crmId = new ews.ExtendedPropertyDefinition(
  new ews.Guid("c11ff724-aa03-4555-9952-8fa248a11c3e"),
  "CrmId",
  ews.MapiPropertyType.String,
);

async function control(method, path, body) {
  const answer = await fetch(controlUrl + path, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: HTTP ${answer.status}`);
  return answer.json();
}

function deliver(subject) {
  const raw = `From: Ann <${ANN}>\r\nTo: ${ALICE}\r\nSubject: ${subject}\r\n`
    + `Message-ID: <${subject}@acme.test>\r\nDate: Sun, 01 Mar 2026 09:00:00 +0000\r\n\r\nHello Alice.\r\n`;
  return control("POST", "/deliver", { to: [ALICE], raw_text: raw });
}

async function subjectsIn(address, folder) {
  const items = await control("GET", `/mailboxes/${address}`);
  return items.filter((item) => item.folder === folder).map((item) => item.subject);
}

function changesSince(state) {
  const scope = ews.SyncFolderItemsScope.NormalItems;
  return service.SyncFolderItems(inbox, firstClass, null, 100, scope, state);
}

const known = {}; // what one step leaves for the next

const steps = {
  async "bind to folders under impersonation"() {
    const folder = await ews.Folder.Bind(service, WellKnownFolderName.Inbox);
    assert.strictEqual(folder.DisplayName, "Inbox");
    assert.strictEqual(folder.TotalCount, 2);
    const calendar = await ews.CalendarFolder.Bind(service, WellKnownFolderName.Calendar);
    assert.strictEqual(calendar.FolderClass, "IPF.Appointment");
  },

  async "find folders"() {
    const view = new ews.FolderView(100);
    const found = await service.FindFolders(WellKnownFolderName.MsgFolderRoot, view);
    const names = found.Folders.map((folder) => folder.DisplayName);
    assert.ok(["Inbox", "Drafts", "Sent Items"].every((name) => names.includes(name)), names.join(", "));
  },

  async "find items by subject"() {
    const filter = new ews.SearchFilter.ContainsSubstring(ews.ItemSchema.Subject, "first");
    const found = await service.FindItems(WellKnownFolderName.Inbox, filter, new ews.ItemView(10));
    assert.deepStrictEqual(found.Items.map((item) => item.Subject), ["first"]);
    known.itemId = found.Items[0].Id;
  },

  async "synchronize items: everything, nothing, then the new mail"() {
    const everything = await changesSince(null);
    assert.strictEqual(everything.Count, 2);
    const nothing = await changesSince(everything.SyncState);
    assert.strictEqual(nothing.Count, 0);
    await deliver("third");
    const news = await changesSince(nothing.SyncState);
    assert.strictEqual(news.Count, 1);
    const change = news._getItem(0);
    assert.strictEqual(change.ChangeType, ews.ChangeType.Create);
    assert.strictEqual(change.Item.Subject, "third");
  },

  async "synchronize the folder hierarchy"() {
    const everything = await service.SyncFolderHierarchy(firstClass, null);
    assert.ok(everything.Count >= 9, `${everything.Count} folders`);
    const folder = new ews.Folder(service);
    folder.DisplayName = "Projects";
    await folder.Save(inbox);
    const news = await service.SyncFolderHierarchy(firstClass, everything.SyncState);
    assert.strictEqual(news.Count, 1);
    assert.strictEqual(news._getItem(0).Folder.DisplayName, "Projects");
  },

  async "bind to an item with its MIME content"() {
    const mime = new PropertySet(BasePropertySet.FirstClassProperties, [ews.ItemSchema.MimeContent]);
    const message = await ews.EmailMessage.Bind(service, known.itemId, mime);
    assert.strictEqual(message.InternetMessageId, "<first@acme.test>");
    assert.strictEqual(message.From.Address, ANN);
    assert.ok(Buffer.from(message.MimeContent.Content, "base64").includes("Message-ID: <first@acme.test>"));
    assert.ok(message.Body.Text.includes("Hello Alice."));
    assert.strictEqual(message.IsRead, false);
  },

  async "send a message and keep a copy"() {
    const message = new ews.EmailMessage(service);
    message.Subject = "Offer";
    message.Body = new ews.MessageBody(BodyType.Text, "Here it is.");
    message.ToRecipients.Add(ANN);
    await message.SendAndSaveCopy();
    assert.deepStrictEqual(await subjectsIn(ANN, "inbox"), ["Offer"]);
    assert.deepStrictEqual(await subjectsIn(ALICE, "sentitems"), ["Offer"]);
  },

  async "create an appointment with an attendee"() {
    const appointment = new ews.Appointment(service);
    appointment.Subject = "Demo";
    appointment.Start = new ews.DateTime("2026-03-02T09:00:00Z");
    appointment.End = new ews.DateTime("2026-03-02T10:00:00Z");
    appointment.Location = "Room 1";
    appointment.RequiredAttendees.Add(ANN);
    await appointment.Save(WellKnownFolderName.Calendar, ews.SendInvitationsMode.SendToNone);
    const again = await ews.Appointment.Bind(service, appointment.Id);
    assert.strictEqual(again.Location, "Room 1");
    assert.strictEqual(again.Start.ToISOString(), "2026-03-02T09:00:00.000Z");
    assert.strictEqual(again.RequiredAttendees._getItem(0).Address, ANN);
    known.appointment = again;
  },

  async "update the appointment"() {
    known.appointment.Location = "Room 2";
    const quietly = ews.SendInvitationsOrCancellationsMode.SendToNone;
    await known.appointment.Update(ews.ConflictResolutionMode.AutoResolve, quietly);
    const again = await ews.Appointment.Bind(service, known.appointment.Id);
    assert.strictEqual(again.Location, "Room 2");
  },

  async "create a series, change one occurrence and delete another"() {
    const series = new ews.Appointment(service);
    series.Subject = "Stand-up";
    series.Start = new ews.DateTime("2026-03-03T08:00:00Z");
    series.End = new ews.DateTime("2026-03-03T08:30:00Z");
    const days = [ews.DayOfTheWeek.Tuesday, ews.DayOfTheWeek.Thursday];
    series.Recurrence = new ews.Recurrence.WeeklyPattern(series.Start.Date, 1, days);
    series.Recurrence.NumberOfOccurrences = 4;
    await series.Save(WellKnownFolderName.Calendar, ews.SendInvitationsMode.SendToNone);
    const quietly = ews.SendInvitationsOrCancellationsMode.SendToNone;
    const second = await ews.Appointment.BindToOccurrence(service, series.Id, 2);
    assert.strictEqual(second.AppointmentType, ews.AppointmentType.Occurrence);
    second.Subject = "Long stand-up";
    await second.Update(ews.ConflictResolutionMode.AlwaysOverwrite, quietly);
    const third = await ews.Appointment.BindToOccurrence(service, series.Id, 3);
    await third.Delete(ews.DeleteMode.MoveToDeletedItems, ews.SendCancellationsMode.SendToNone);
    const view = new ews.CalendarView(new ews.DateTime("2026-03-03T00:00:00Z"), new ews.DateTime("2026-04-01T00:00:00Z"));
    const shown = await service.FindAppointments(WellKnownFolderName.Calendar, view);
    const seen = shown.Items.map((item) => `${item.Start.ToISOString().slice(8, 10)} ${item.Subject}`);
    assert.deepStrictEqual(seen, ["03 Stand-up", "05 Long stand-up", "12 Stand-up"]);
    const master = await ews.Appointment.BindToRecurringMaster(service, shown.Items[1].Id);
    assert.strictEqual(master.Id.UniqueId, series.Id.UniqueId);
    assert.strictEqual(master.ModifiedOccurrences.Count, 1);
    assert.strictEqual(master.DeletedOccurrences.Count, 1);
    assert.strictEqual(master.Recurrence.NumberOfOccurrences, 4);
  },

  async "invite a colleague and call it off"() {
    const meeting = new ews.Appointment(service);
    meeting.Subject = "Review";
    meeting.Start = new ews.DateTime("2026-03-02T14:00:00Z");
    meeting.End = new ews.DateTime("2026-03-02T15:00:00Z");
    meeting.RequiredAttendees.Add("service@us.test");
    await meeting.Save(WellKnownFolderName.Calendar, ews.SendInvitationsMode.SendOnlyToAll);
    await meeting.Delete(ews.DeleteMode.MoveToDeletedItems, ews.SendCancellationsMode.SendOnlyToAll);
    const mails = await control("GET", "/meeting-mails");
    assert.deepStrictEqual(mails.map((mail) => `${mail.kind} ${mail.to}`), [
      "request service@us.test",
      "cancellation service@us.test",
    ]);
  },

  async "create and complete a task"() {
    const task = new ews.Task(service);
    task.Subject = "Call Ann";
    task.DueDate = new ews.DateTime("2026-03-05T00:00:00Z");
    await task.Save(WellKnownFolderName.Tasks);
    const again = await ews.Task.Bind(service, task.Id);
    again.Status = ews.TaskStatus.Completed;
    await again.Update(ews.ConflictResolutionMode.AutoResolve);
    const done = await ews.Task.Bind(service, task.Id);
    assert.strictEqual(done.IsComplete, true);
    assert.strictEqual(Number(done.PercentComplete), 100);
    assert.strictEqual(done.DueDate.ToISOString().slice(0, 10), "2026-03-05");
  },

  async "create a contact with an extended property"() {
    const contact = new ews.Contact(service);
    contact.GivenName = "Ann";
    contact.Surname = "Acker";
    contact.EmailAddresses._setItem(ews.EmailAddressKey.EmailAddress1, new ews.EmailAddress(ANN));
    contact.SetExtendedProperty(crmId, "contact-1");
    await contact.Save(WellKnownFolderName.Contacts);
    const wanted = new PropertySet(BasePropertySet.FirstClassProperties, [crmId]);
    const again = await ews.Contact.Bind(service, contact.Id, wanted);
    assert.strictEqual(again.Surname, "Acker");
    assert.strictEqual(again.ExtendedProperties._getItem(0).Value, "contact-1");
    assert.strictEqual(again.EmailAddresses._getItem(ews.EmailAddressKey.EmailAddress1).Address, ANN);
  },

  async "update a message"() {
    const message = await ews.EmailMessage.Bind(service, known.itemId);
    message.Categories.Add("Tracked to CRM");
    message.IsRead = true;
    await message.Update(ews.ConflictResolutionMode.AlwaysOverwrite);
    const again = await ews.EmailMessage.Bind(service, known.itemId);
    assert.strictEqual(again.Categories.ToString(), "Tracked to CRM");
    assert.strictEqual(again.IsRead, true);
  },

  async "see in what has changed which categories a message bears"() {
    const before = await changesSince(null);
    const message = await ews.EmailMessage.Bind(service, known.itemId);
    message.Categories.Add("Family");
    await message.Update(ews.ConflictResolutionMode.AlwaysOverwrite);
    const tagged = await changesSince(before.SyncState);
    assert.strictEqual(tagged.Count, 1);
    assert.strictEqual(tagged._getItem(0).ChangeType, ews.ChangeType.Update);
    assert.strictEqual(tagged._getItem(0).Item.Categories.ToString(), "Tracked to CRM,Family");
    const again = await ews.EmailMessage.Bind(service, known.itemId);
    again.Categories.Remove("Tracked to CRM");
    again.Categories.Remove("Family");
    await again.Update(ews.ConflictResolutionMode.AlwaysOverwrite);
    const untagged = await changesSince(tagged.SyncState);
    assert.strictEqual(untagged._getItem(0).Item.Categories.ToString(), "");
  },

  async "find a folder by its name and move a message into it"() {
    const top = new ews.FolderId(WellKnownFolderName.MsgFolderRoot);
    const named = new ews.SearchFilter.IsEqualTo(ews.FolderSchema.DisplayName, "Undeliverable");
    const none = await service.FindFolders(top, named, new ews.FolderView(1));
    assert.strictEqual(none.Folders.length, 0);
    const folder = new ews.Folder(service);
    folder.DisplayName = "Undeliverable";
    await folder.Save(top);
    const found = await service.FindFolders(top, named, new ews.FolderView(1));
    assert.strictEqual(found.Folders[0].Id.UniqueId, folder.Id.UniqueId);
    const message = await ews.EmailMessage.Bind(service, known.itemId, idOnly);
    const moved = await message.Move(folder.Id);
    assert.notStrictEqual(moved.Id.UniqueId, known.itemId.UniqueId);
    assert.deepStrictEqual(await subjectsIn(ALICE, "Undeliverable"), ["first"]);
    known.itemId = (await moved.Move(inbox)).Id;
  },

  async "make, find, rename, move and delete folders, and see when they changed"() {
    const committed = new ews.ExtendedPropertyDefinition(0x670a, ews.MapiPropertyType.SystemTime);
    const wanted = new PropertySet(BasePropertySet.FirstClassProperties, [committed]);
    const top = new ews.FolderId(WellKnownFolderName.MsgFolderRoot);
    const customers = new ews.Folder(service);
    customers.DisplayName = "Customers";
    await customers.Save(inbox);
    const view = new ews.FolderView(100);
    view.Traversal = ews.FolderTraversal.Deep;
    const deep = await service.FindFolders(top, view);
    assert.ok(deep.Folders.some((folder) => folder.Id.UniqueId === customers.Id.UniqueId));
    const stamp = async () => {
      const folder = await ews.Folder.Bind(service, customers.Id, wanted);
      return String(folder.ExtendedProperties._getItem(0).Value);
    };
    const before = await stamp();
    assert.strictEqual(await stamp(), before);
    const message = await ews.EmailMessage.Bind(service, known.itemId, idOnly);
    known.itemId = (await (await message.Move(customers.Id)).Move(inbox)).Id;
    assert.notStrictEqual(await stamp(), before);
    const folder = await ews.Folder.Bind(service, customers.Id);
    folder.DisplayName = "Clients";
    await folder.Update();
    await folder.Move(top);
    const moved = await ews.Folder.Bind(service, customers.Id);
    assert.strictEqual(moved.DisplayName, "Clients");
    await moved.Delete(ews.DeleteMode.HardDelete);
    const refusal = await ews.Folder.Bind(service, customers.Id).then(() => null, (error) => error);
    assert.strictEqual(ews.ServiceError[refusal.ErrorCode], "ErrorFolderNotFound");
  },

  async "hear of new mail by pull notifications"() {
    const kind = ews.EventType.NewMail;
    const subscription = await service.SubscribeToPullNotifications([inbox], 10, null, kind);
    await deliver("fourth");
    const results = await subscription.GetEvents();
    assert.deepStrictEqual(results.ItemEvents.map((event) => event.EventType), [kind]);
    await subscription.Unsubscribe();
  },

  async "subscribe to streaming notifications"() {
    const subscription = await service.SubscribeToStreamingNotifications([inbox], ews.EventType.NewMail);
    assert.ok(subscription.Id);
    await subscription.Unsubscribe();
  },

  async "move and delete a message"() {
    const message = await ews.EmailMessage.Bind(service, known.itemId, idOnly);
    const moved = await message.Move(new ews.FolderId(WellKnownFolderName.JunkEmail));
    assert.notStrictEqual(moved.Id.UniqueId, known.itemId.UniqueId);
    assert.deepStrictEqual(await subjectsIn(ALICE, "junkemail"), ["first"]);
    await moved.Delete(ews.DeleteMode.HardDelete);
    assert.deepStrictEqual(await subjectsIn(ALICE, "junkemail"), []);
  },

  async "a missing item is ErrorItemNotFound"() {
    const refusal = await ews.EmailMessage.Bind(service, known.itemId, idOnly).then(() => null, (error) => error);
    assert.ok(refusal, "the item was found");
    assert.strictEqual(ews.ServiceError[refusal.ErrorCode], "ErrorItemNotFound");
  },
};

async function main() {
  await deliver("first");
  await deliver("second");
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
    } catch (error) {
      console.log(`FAILED ${name}: ${error.message}`);
      console.error(error);
      process.exit(1);
    }
    console.log(`ok ${name}`);
  }
}

main();
